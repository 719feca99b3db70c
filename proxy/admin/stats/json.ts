/** /stats as JSON. */
import type { LogLinearHistogram } from '../../stats/log-linear-histogram.ts';
import type { Histogram } from '../../stats/stats.ts';
import { bucketBounds, bucketCounts, quantiles, quantileValues } from './histogram-figures.ts';
import type { BucketMode } from './query.ts';
import { byName, type Selection } from './select.ts';

/** The whole answer, on one line. */
export function statsAsJson({ textReadouts, counters, gauges, histograms }: Selection, buckets: BucketMode): string {
  const numbers = [...counters, ...gauges].sort(byName);
  const stats: object[] = [...textReadouts, ...numbers].map(({ name, value }) => ({ name, value }));
  if (histograms.length > 0) stats.push({ histograms: histogramsAsJson(histograms, buckets) });
  return JSON.stringify({ stats });
}

function histogramsAsJson(histograms: readonly Histogram[], buckets: BucketMode): unknown {
  if (buckets === 'detailed') return { supported_percentiles: quantiles, details: histograms.map(detail) };
  if (buckets === 'cumulative' || buckets === 'disjoint')
    return histograms.map(one => bucketed(one, buckets === 'disjoint'));
  return {
    supported_quantiles: quantiles,
    computed_quantiles: histograms.map(histogram => ({ name: histogram.name, values: quantilePairs(histogram) })),
  };
}

/** NaN becomes null, as JSON has no other way. */
function quantilePairs({ interval, cumulative }: Histogram): { cumulative: number; interval: number }[] {
  const recent = quantileValues(interval);
  return quantileValues(cumulative).map((value, index) => ({ cumulative: value, interval: recent[index]! }));
}

function detail(histogram: Histogram): object {
  const bins = (side: LogLinearHistogram) =>
    side.bins().map(({ low, width, count }) => ({ lower_bound: low, width, count }));
  const { name, cumulative, interval } = histogram;
  return { name, totals: bins(cumulative), intervals: bins(interval), percentiles: quantilePairs(histogram) };
}

function bucketed({ name, interval, cumulative }: Histogram, disjoint: boolean): object {
  const recent = bucketCounts(interval, disjoint);
  const all = bucketCounts(cumulative, disjoint);
  return {
    name,
    buckets: bucketBounds.map((bound, index) => ({
      upper_bound: bound,
      interval: recent[index],
      cumulative: all[index],
    })),
  };
}
