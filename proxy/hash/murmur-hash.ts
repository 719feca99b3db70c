/** MurmurHash2 of 64 bits, as GCC's library hashes strings. @see https://github.com/aappleby/smhasher */

const mask = 0xffff_ffff_ffff_ffffn;
const multiplier = 0xc6a4_a793_5bd1_e995n;
const seed = 0xc70f_6907n;

const times = (value: bigint): bigint => (value * multiplier) & mask;
const mixed = (value: bigint): bigint => value ^ (value >> 47n);

/** The 64-bit hash of bytes. */
export function murmurHash64(bytes: Buffer): bigint {
  const whole = bytes.length - (bytes.length % 8);
  let hash = seed ^ times(BigInt(bytes.length));
  for (let at = 0; at < whole; at += 8) hash = times(hash ^ times(mixed(times(bytes.readBigUInt64LE(at)))));
  if (whole < bytes.length) {
    let rest = 0n;
    for (let at = bytes.length - 1; at >= whole; at--) rest = (rest << 8n) | BigInt(bytes[at]!);
    hash = times(hash ^ rest);
  }
  return mixed(times(mixed(hash)));
}
