import { Duplex } from 'node:stream';

const headLength = 8;
const standardOutput = 1;
const mostComplaint = 4096;

/**
 * The standard streams of a command in a container as one duplex stream. Docker sends output in frames (one byte that names the stream, three zeros,
 * four bytes of length, the body) and takes input as it is. What the command says on standard error becomes the error when it ends.
 *
 * @see https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
 */
export class ExecStream extends Duplex {
  readonly #connection: Duplex;
  #head = Buffer.alloc(0);
  /** Bytes of the frame's body still to come, and which stream they belong to. */
  #rest = 0;
  #kind = 0;
  #complaint = '';
  #over = false;

  /** @param connection what the daemon upgraded the request to */
  constructor(connection: Duplex) {
    // A command that has ended takes nothing any more: what was lent to it is closed too.
    super({ allowHalfOpen: false });
    this.#connection = connection;
    connection.on('data', (chunk: Buffer) => this.#take(chunk));
    connection.once('end', () => this.#ended());
    connection.once('error', error => this.destroy(error));
    connection.once('close', () => this.#ended());
  }

  override _read(): void {
    this.#connection.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#connection.write(chunk, done);
  }

  override _final(done: () => void): void {
    // What the daemon ended takes no end of ours: it would wait for ever.
    if (this.#over) done();
    else this.#connection.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#connection.destroy();
    done(error);
  }

  #take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) at = this.#rest > 0 ? this.#takeBody(chunk, at) : this.#takeHead(chunk, at);
  }

  #takeHead(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + headLength - this.#head.length);
    this.#head = Buffer.concat([this.#head, chunk.subarray(at, end)]);
    if (this.#head.length < headLength) return end;
    this.#kind = this.#head[0]!;
    this.#rest = this.#head.readUInt32BE(4);
    this.#head = Buffer.alloc(0);
    return end;
  }

  #takeBody(chunk: Buffer, at: number): number {
    const body = chunk.subarray(at, at + this.#rest);
    this.#rest -= body.length;
    if (this.#kind !== standardOutput) this.#complaint = (this.#complaint + body).slice(0, mostComplaint);
    else if (!this.push(body)) this.#connection.pause();
    return at + body.length;
  }

  #ended(): void {
    if (this.#over || this.destroyed) return;
    this.#over = true;
    if (this.#complaint === '') this.push(null);
    else this.destroy(new Error(this.#complaint.trim()));
  }
}
