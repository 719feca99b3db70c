/** Bytes as text of one character each: `Buffer.latin1Slice`, which Node has but does not declare, spares the look at an encoding's name. */

interface WithLatin1Slice {
  latin1Slice(from: number, to: number): string;
}

export function latin1(bytes: Buffer, from = 0, to = bytes.length): string {
  return (bytes as Buffer & WithLatin1Slice).latin1Slice(from, to);
}

/** The text whose bytes in UTF-8 these are, a character for each. */
export function asText(bytes: string): string {
  return /^[\0-\x7f]*$/.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

/** A text as heads hold it: its bytes in UTF-8, a character for each. */
export function asBytes(text: string): string {
  // Nearly all are ASCII, and so the same.
  return /^[\0-\x7f]*$/.test(text) ? text : latin1(Buffer.from(text, 'utf8'));
}
