import { isIPv6 } from 'node:net';

/** An address with its lower bits cut off, and the prefix's length: `10.1.2.3` by 8 is `10.0.0.0/8`. */
export function maskedAddress(address: string, v4Bits: number, v6Bits: number): string {
  if (!isIPv6(address)) return `${masked(address.split('.').map(Number), 8, v4Bits).join('.')}/${v4Bits}`;
  const groups = masked(groupsOf(address), 16, v6Bits).map(group => group.toString(16));
  // The URL parser writes addresses in their canonical form.
  return `${new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)}/${v6Bits}`;
}

function masked(parts: readonly number[], size: number, bits: number): number[] {
  return parts.map((part, i) => {
    const kept = Math.min(size, Math.max(0, bits - i * size));
    return part & ~((1 << (size - kept)) - 1);
  });
}

function groupsOf(address: string): number[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [front = '', back] = canonical.split('::');
  const numbers = (text: string) => (text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16)));
  const [first, last] = [numbers(front), numbers(back ?? '')];
  const zeros = back === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array<number>(zeros).fill(0), ...last];
}
