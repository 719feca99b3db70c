/** The figures that are printed of a histogram. */
import type { LogLinearHistogram } from '../../stats/log-linear-histogram.ts';

/** In percent. */
export const quantiles = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100];
const fractions = quantiles.map(percent => percent / 100);

/** Upper bounds of the buckets, in milliseconds as most histograms are. */
export const bucketBounds = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
];

export function quantileValues(histogram: LogLinearHistogram): number[] {
  return histogram.quantiles(fractions);
}

/** How many values lie in each bucket: those of all lower ones with it, or by itself. */
export function bucketCounts(histogram: LogLinearHistogram, disjoint: boolean): number[] {
  const counts = histogram.countsBelow(bucketBounds);
  return disjoint ? counts.map((count, index) => count - (counts[index - 1] ?? 0)) : counts;
}
