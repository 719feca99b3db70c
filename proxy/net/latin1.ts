/** Bytes as text of one character each: `Buffer.latin1Slice`, which Node has but does not declare, spares the look at an encoding's name. */

interface WithLatin1Slice {
  latin1Slice(from: number, to: number): string;
}

export function latin1(bytes: Buffer, from = 0, to = bytes.length): string {
  return (bytes as Buffer & WithLatin1Slice).latin1Slice(from, to);
}
