/** A connection before its first bytes came: they tell which version of HTTP it speaks, where nothing else did. */
import type { HttpVersion } from '../http/codec.ts';
import { connectionPreface } from '../http2/frames.ts';
import { latin1 } from '../net/latin1.ts';
import type { Transport, TransportHandler } from '../net/transport.ts';

/** What is agreed on before: `auto` leaves it to the first bytes. */
export type CodecType = 'auto' | HttpVersion;

/** As much of it as Envoy looks at. */
const sign = connectionPreface.slice(0, 'PRI * HTTP/2'.length);

export interface FirstBytesOwner {
  /** The version is known; the bytes are to be handled by what takes the transport over. */
  onVersion(version: HttpVersion, bytes: Buffer): void;
  /** It ended without a byte, or with too few. */
  onClosedEarly(byPeer: boolean): void;
}

export class FirstBytes implements TransportHandler {
  readonly #transport: Transport;
  readonly #type: CodecType;
  readonly #owner: FirstBytesOwner;
  #before: Buffer | undefined;
  #byPeer = false;

  constructor(transport: Transport, type: CodecType, owner: FirstBytesOwner) {
    this.#transport = transport;
    this.#type = type;
    this.#owner = owner;
    transport.handler = this;
  }

  onRead(chunk: Buffer): void {
    const bytes = this.#before === undefined ? chunk : Buffer.concat([this.#before, chunk]);
    const version = this.#versionOf(bytes);
    if (version === undefined) this.#before = Buffer.from(bytes);
    else this.#owner.onVersion(version, bytes);
  }

  /** Undefined while it may be either. */
  #versionOf(bytes: Buffer): HttpVersion | undefined {
    if (this.#type !== 'auto') return this.#type;
    // No request of HTTP/1 begins with it: most are told by their first byte.
    if (bytes[0] !== sign.charCodeAt(0)) return 'HTTP/1.1';
    const start = latin1(bytes, 0, Math.min(bytes.length, sign.length));
    if (start === sign) return 'HTTP/2';
    return sign.startsWith(start) ? undefined : 'HTTP/1.1';
  }

  onEnd(): void {
    this.#byPeer = true;
    this.#transport.destroy();
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#owner.onClosedEarly(this.#byPeer || error !== undefined);
  }

  onDrain(): void {}
}
