/** Looks at the first bytes of a connection before anybody reads them. */
import type { Socket } from 'node:net';

/** What a look came to: something, and how many bytes are not to be read again; or how many have to be there before it is worth looking again. */
export type Look<Found> = { found: Found; consumed?: number } | { needed: number };

/**
 * Waits until the bytes tell something. The socket is paused afterwards and gives them again, but for what was consumed.
 * @param timeoutMs 0: for ever
 */
export function peek<Found>(
  socket: Socket,
  timeoutMs: number,
  look: (bytes: Buffer) => Look<Found>,
  tell: (found: Found | 'timed-out' | 'closed') => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  let needed = 0;
  const timer = timeoutMs > 0 ? setTimeout(() => finish('timed-out', 0), timeoutMs) : undefined;
  const take = (chunk: Buffer): void => {
    chunks.push(chunk);
    length += chunk.length;
    if (length < needed) return;
    const bytes = Buffer.concat(chunks.splice(0));
    chunks.push(bytes);
    const looked = look(bytes);
    if ('needed' in looked) needed = Math.max(looked.needed, length + 1);
    else finish(looked.found, looked.consumed ?? 0);
  };
  const end = (): void => finish('closed', length);
  const finish = (found: Found | 'timed-out' | 'closed', consumed: number): void => {
    clearTimeout(timer);
    socket.off('data', take).off('end', end).off('close', end);
    socket.pause();
    const left = Buffer.concat(chunks).subarray(consumed);
    if (left.length > 0 && !socket.destroyed) socket.unshift(left);
    tell(found);
    socket.off('error', ignore);
  };
  socket.on('data', take).on('end', end).on('close', end).on('error', ignore);
  socket.resume();
}

/** `close` follows. */
function ignore(): void {}
