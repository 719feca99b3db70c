/** Numbers of spans and traces. They need to be different, not secret. */

/** Of a span: 64 bits in 16 hexadecimal digits, never all zero. */
export function spanId(): string {
  const id = word() + word();
  return id === '0000000000000000' ? '0000000000000001' : id;
}

function word(): string {
  return Math.floor(Math.random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, '0');
}
