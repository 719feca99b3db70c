/** What filters know of calls of gRPC: their methods, their messages, and how they are counted. */
import type { HeaderMap } from '../http/headers.ts';
import type { StatsScope } from '../stats/store.ts';

export interface GrpcMethod {
  service: string;
  method: string;
}

/** The method that a path names; undefined where it has not just two parts. */
export function grpcMethodOf(path: string): GrpcMethod | undefined {
  const [service, method, ...more] = path
    .replace(/\?.*/s, '')
    .split('/')
    .filter(part => part !== '');
  return service === undefined || method === undefined || more.length > 0 ? undefined : { service, method };
}

/** Counts how a call ended, where these headers or trailers say so. `prefix` ends with a dot. */
export function countGrpcStatus(scope: StatsScope, prefix: string, head: HeaderMap): void {
  const status = head.get('grpc-status');
  if (status === undefined) return;
  scope.counter(`${prefix}${status}`).increment();
  scope.counter(`${prefix}${Number(status) === 0 ? 'success' : 'failure'}`).increment();
  scope.counter(`${prefix}total`).increment();
}

const prefixBytes = 5;

/** Finds the messages of gRPC in a body that comes in pieces. */
export class GrpcFrameScanner {
  /** Of the prefix of the message that comes; none is read yet between two messages. */
  #prefixLeft = 0;
  #length = 0;
  #left = 0;

  /**
   * @param onPart hears each part of a message, its prefix too, and whether the message ends with it
   * @returns how many messages began
   */
  scan(chunk: Buffer, onPart?: (part: Buffer, ends: boolean) => void): number {
    let begun = 0;
    for (let at = 0; at < chunk.length; ) {
      const from = at;
      if (this.#prefixLeft === 0 && this.#left === 0) {
        begun++;
        this.#prefixLeft = prefixBytes;
        this.#length = 0;
      }
      for (; this.#prefixLeft > 0 && at < chunk.length; at++) {
        // The first byte tells of compression.
        if (this.#prefixLeft < prefixBytes) this.#length = this.#length * 256 + chunk[at]!;
        if (--this.#prefixLeft === 0) this.#left = this.#length;
      }
      const taken = Math.min(this.#left, chunk.length - at);
      at += taken;
      this.#left -= taken;
      onPart?.(chunk.subarray(from, at), this.#prefixLeft === 0 && this.#left === 0);
    }
    return begun;
  }
}
