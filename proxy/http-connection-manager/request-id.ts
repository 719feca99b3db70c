/** Request ids: random UUIDs, from the kernel's random numbers, since loading node:crypto for them takes 1.1 MB. */
import { openSync, readSync } from 'node:fs';

const idBytes = 16;
const source = openSync('/dev/urandom', 'r');
/** Random numbers for the next ids, so that not every request asks the kernel. */
const supply = Buffer.alloc(128 * idBytes);
let used = supply.length;

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A UUID of version 4. */
export function requestId(): string {
  if (used === supply.length) refill();
  const at = used;
  used += idBytes;
  supply[at + 6] = (supply[at + 6]! & 0x0f) | 0x40;
  supply[at + 8] = (supply[at + 8]! & 0x3f) | 0x80;
  const two = (n: number): string => hex[supply[at + n]!]!;
  return `${two(0)}${two(1)}${two(2)}${two(3)}-${two(4)}${two(5)}-${two(6)}${two(7)}-${two(8)}${two(9)}-${two(10)}${two(11)}${two(12)}${two(13)}${two(14)}${two(15)}`;
}

function refill(): void {
  for (let filled = 0; filled < supply.length; )
    filled += readSync(source, supply, filled, supply.length - filled, null);
  used = 0;
}
