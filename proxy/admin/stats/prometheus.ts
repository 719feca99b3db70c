/** /stats in Prometheus' text format. */
import type { Histogram } from '../../stats/stats.ts';
import { tagged } from '../../stats/tags.ts';
import { bucketBounds, bucketCounts, quantiles, quantileValues } from './histogram-figures.ts';
import type { BucketMode } from './query.ts';
import type { Selection } from './select.ts';

/** Lines of one metric, by its name without tags. */
type Family = { name: string; lines: string[] };

/** All stats, families of the same name together, kinds one after the other. */
export function statsAsPrometheus(selection: Selection, buckets: BucketMode, withTextReadouts: boolean): string {
  const { counters, gauges, textReadouts, histograms } = selection;
  const readouts = withTextReadouts ? textReadouts : [];
  const summaries = buckets === 'summary';
  return [
    families(counters, 'counter', ({ value }, metric, labels) => [`${metric}{${labels}} ${value}`]),
    families(gauges, 'gauge', ({ value }, metric, labels) => [`${metric}{${labels}} ${value}`]),
    families(readouts, 'gauge', ({ value }, metric, labels) => [
      `${metric}{${join(labels, label('text_value', value))}} 0`,
    ]),
    families(histograms, summaries ? 'summary' : 'histogram', summaries ? summaryLines : histogramLines),
  ].join('');
}

function families<Stat extends { name: string }>(
  stats: readonly Stat[],
  type: string,
  print: (stat: Stat, metric: string, labels: string) => string[],
): string {
  const byName = new Map<string, Family>();
  for (const stat of stats) {
    const { name, tags } = tagged(stat.name);
    const metric = `envoy_${name.replace(/[^a-zA-Z0-9_]/g, '_')}`;
    const family = byName.get(name) ?? { name, lines: [`# TYPE ${metric} ${type}`] };
    byName.set(name, family);
    family.lines.push(...print(stat, metric, tags.map(([tag, value]) => label(tag, value)).join(',')));
  }
  const sorted = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.map(({ lines }) => `${lines.join('\n')}\n`).join('');
}

function histogramLines({ cumulative }: Histogram, metric: string, labels: string): string[] {
  const counts = bucketCounts(cumulative, false);
  return [
    ...bucketBounds.map(
      (bound, index) => `${metric}_bucket{${join(labels, label('le', String(bound)))}} ${counts[index]}`,
    ),
    `${metric}_bucket{${join(labels, label('le', '+Inf'))}} ${cumulative.count}`,
    `${metric}_sum{${labels}} ${exact(cumulative.sum())}`,
    `${metric}_count{${labels}} ${cumulative.count}`,
  ];
}

function summaryLines({ cumulative, interval }: Histogram, metric: string, labels: string): string[] {
  const values = quantileValues(interval);
  return [
    ...quantiles.map(
      (percent, index) =>
        `${metric}{${join(labels, label('quantile', String(percent / 100)))}} ${exact(values[index]!)}`,
    ),
    `${metric}_sum{${labels}} ${exact(cumulative.sum())}`,
    `${metric}_count{${labels}} ${cumulative.count}`,
  ];
}

function label(name: string, value: string): string {
  return `${name}="${value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}

function join(labels: string, more: string): string {
  return labels === '' ? more : `${labels},${more}`;
}

/** All digits of a number, up to 32, as Envoy prints sums. */
function exact(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (Number.isInteger(value)) return String(value);
  return value.toPrecision(32).replace(/0+$/, '');
}
