/** Bodies of gRPC-Web in text: base64, which comes and goes in pieces. */
import { GrpcFrameScanner } from './grpc-calls.ts';

/** Reads base64 that comes in pieces. */
export class Base64Reader {
  #left = '';

  /** @returns what could be read so far; undefined: it is no base64, or `end` cuts it short */
  read(chunk: Buffer, end: boolean): Buffer | undefined {
    const text = this.#left + chunk.toString('latin1');
    const whole = text.length - (text.length % 4);
    if (end && whole < text.length) return undefined;
    this.#left = text.slice(whole);
    const taken = text.slice(0, whole);
    const read = Buffer.from(taken, 'base64');
    // Node's reader takes everything.
    return read.toString('base64') === taken ? read : undefined;
  }
}

/** Writes messages of gRPC as base64, each for itself, as they come. */
export class Base64MessageWriter {
  readonly #scanner = new GrpcFrameScanner();
  #left: Buffer = Buffer.alloc(0);

  write(chunk: Buffer): Buffer {
    let text = '';
    this.#scanner.scan(chunk, (part, ends) => {
      const bytes = Buffer.concat([this.#left, part]);
      const whole = ends ? bytes.length : bytes.length - (bytes.length % 3);
      text += bytes.toString('base64', 0, whole);
      this.#left = bytes.subarray(whole);
    });
    return Buffer.from(text, 'latin1');
  }
}
