/** /stats as text. */

import type { LogLinearHistogram } from '../../stats/log-linear-histogram.ts';
import type { Counter, Gauge, Histogram } from '../../stats/stats.ts';
import { bucketBounds, bucketCounts, quantiles, quantileValues } from './histogram-figures.ts';
import type { BucketMode } from './query.ts';
import { byName, type Selection } from './select.ts';

/** Three phases: text readouts, counters and gauges together, histograms. */
export function statsAsText({ textReadouts, counters, gauges, histograms }: Selection, buckets: BucketMode): string {
  const numbers = [...counters, ...gauges].sort(byName);
  return [
    ...textReadouts.map(({ name, value }) => `${name}: "${value}"\n`),
    ...numbers.map(stat => `${stat.name}: ${exactly(stat)}\n`),
    ...histograms.map(histogram => `${histogram.name}:${histogramAsText(histogram, buckets)}\n`),
  ].join('');
}

const exactly = (stat: Counter | Gauge): number | bigint => ('exact' in stat && stat.exact) || stat.value;

/** What stands behind a histogram's name. */
export function histogramAsText(histogram: Histogram, buckets: BucketMode): string {
  if (!histogram.used) return ' No recorded values';
  if (buckets === 'detailed') return details(histogram);
  if (buckets === 'cumulative' || buckets === 'disjoint') return ` ${bucketLine(histogram, buckets === 'disjoint')}`;
  return ` ${quantileLine(histogram)}`;
}

function quantileLine({ interval, cumulative }: Histogram): string {
  const recent = quantileValues(interval);
  const all = quantileValues(cumulative);
  return quantiles.map((percent, index) => `P${percent}(${figure(recent[index]!)},${figure(all[index]!)})`).join(' ');
}

function bucketLine({ interval, cumulative }: Histogram, disjoint: boolean): string {
  const recent = bucketCounts(interval, disjoint);
  const all = bucketCounts(cumulative, disjoint);
  return bucketBounds.map((bound, index) => `B${sixDigits(bound)}(${recent[index]},${all[index]})`).join(' ');
}

function details(histogram: Histogram): string {
  const bins = (side: LogLinearHistogram) =>
    side
      .bins()
      .map(({ low, width, count }) => `${low},${width}:${count}`)
      .join(', ');
  const { cumulative, interval } = histogram;
  return `\n  totals=${bins(cumulative)}\n  intervals=${bins(interval)}\n  summary=${quantileLine(histogram)}`;
}

function figure(value: number): string {
  return Number.isNaN(value) ? 'nan' : String(value);
}

/** `%g`: six significant digits, an exponent from a million on. */
function sixDigits(value: number): string {
  if (value < 1e6) return String(value);
  return value.toExponential().replace(/e\+(\d)$/, 'e+0$1');
}
