/** How many of so many random choices may fall on one of the possibilities. */

/** Of each side: an honest share of one of ten possibilities is refused less often than once in ten thousand times, all taken together. */
const rarely = 5e-6;

/**
 * Whether `found` of `total` independent choices fit a share: an exact binomial test of both sides.
 * @param percent from 0 to 100; at 0 and at 100 nothing else than none or all fits
 */
export function fitsShare(found: number, total: number, percent: number): boolean {
  const share = percent / 100;
  if (share <= 0) return found === 0;
  if (share >= 1) return found === total;
  return atMost(found, total, share) > rarely && atMost(total - found, total, 1 - share) > rarely;
}

/** The probability of at most `found` of `total`. */
function atMost(found: number, total: number, share: number): number {
  let logarithm = total * Math.log1p(-share);
  let sum = Math.exp(logarithm);
  for (let k = 1; k <= found; k++) {
    logarithm += Math.log(total - k + 1) - Math.log(k) + Math.log(share) - Math.log1p(-share);
    sum += Math.exp(logarithm);
  }
  return sum;
}
