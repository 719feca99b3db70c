/** Memory for bytes that are on their way to the kernel. */

/** What a read brings at most, in bytes. With a quarter of it a large body took half as much time again. */
export const largestRead = 256 * 1024;

/** A chunk of this length or more may have memory for a whole read of its own: many small ones, which wait for a slow peer, would hold far more than they are. */
const largeChunk = largestRead / 4;

/** Kept for the next write. */
const mostSpare = 4;
const spare: Buffer[] = [];

/**
 * A copy of a chunk, until it is given back. The memory is used again and again: memory of its own for each chunk of a large body, which V8 clears first
 * and collects later, took four tenths of the time that such a body took.
 */
export function copyOf(chunk: Buffer): Buffer {
  const buffer = chunk.length > largestRead ? undefined : (spare.pop() ?? freshFor(chunk));
  if (buffer === undefined) return Buffer.from(chunk);
  chunk.copy(buffer);
  return chunk.length === largestRead ? buffer : buffer.subarray(0, chunk.length);
}

const freshFor = ({ length }: Buffer): Buffer | undefined =>
  length < largeChunk ? undefined : Buffer.allocUnsafeSlow(largestRead);

/** The copy was written, or never will be: nobody reads it from now on. To be called once. */
export function giveBack({ buffer }: Buffer): void {
  if (spare.length < mostSpare && buffer.byteLength === largestRead) spare.push(Buffer.from(buffer, 0, largestRead));
}
