/** Takes a stream of bytes apart into gRPC's messages. @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */

/** What a frame has before its message. */
export const frameHeadBytes = 5;

/** A message that cannot be read. */
export class GrpcMessageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'GrpcMessageError';
  }
}

export class GrpcMessageReader {
  readonly #mostBytes: number;
  #kept: Buffer[] = [];
  #keptBytes = 0;

  /** @param mostBytes that a message may have */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /**
   * The messages that became whole with these bytes.
   * @throws GrpcMessageError where one is compressed, since we offer no compression, or too large
   */
  read(chunk: Buffer): Buffer[] {
    this.#kept.push(Buffer.from(chunk));
    this.#keptBytes += chunk.length;
    const messages: Buffer[] = [];
    for (;;) {
      const length = this.#nextLength();
      if (length === undefined || this.#keptBytes < frameHeadBytes + length) return messages;
      const all = this.#join();
      messages.push(all.subarray(frameHeadBytes, frameHeadBytes + length));
      const rest = all.subarray(frameHeadBytes + length);
      this.#kept = rest.length > 0 ? [rest] : [];
      this.#keptBytes = rest.length;
    }
  }

  /** Whether bytes of a message are there that never became whole. */
  get cutShort(): boolean {
    return this.#keptBytes > 0;
  }

  #nextLength(): number | undefined {
    if (this.#keptBytes < frameHeadBytes) return undefined;
    const first = this.#kept[0]!.length < frameHeadBytes ? this.#join() : this.#kept[0]!;
    if (first[0] !== 0) throw new GrpcMessageError('a compressed message, where no compression was offered');
    const length = first.readUInt32BE(1);
    if (length > this.#mostBytes) throw new GrpcMessageError(`a message of ${length} bytes is too large`);
    return length;
  }

  #join(): Buffer {
    const all = this.#kept.length === 1 ? this.#kept[0]! : Buffer.concat(this.#kept, this.#keptBytes);
    this.#kept = [all];
    return all;
  }
}

/** A message as it is sent. */
export function frameMessage(message: Uint8Array): Buffer {
  return Buffer.concat([frameHead(message.length), message]);
}

/** What goes before a message of so many bytes. */
export function frameHead(length: number): Buffer {
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUInt32BE(length, 1);
  return head;
}
