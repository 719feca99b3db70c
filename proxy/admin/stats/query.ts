/** The parameters of /stats: which stats are shown, and how. */
import { describeRegexError } from '../../regex-error.ts';
import { type AdminReply, text } from '../reply.ts';

const formats = ['html', 'active-html', 'json', 'prometheus', 'text'] as const;
const bucketModes = ['cumulative', 'disjoint', 'detailed', 'summary', 'prometheusnative'] as const;
const kinds = ['All', 'Counters', 'Gauges', 'Histograms', 'TextReadouts'] as const;
const hiddenModes = ['include', 'only', 'exclude'] as const;

export type BucketMode = 'unset' | (typeof bucketModes)[number];

/** A query that can be answered. */
export interface StatsQuery {
  format: (typeof formats)[number];
  kind: (typeof kinds)[number];
  buckets: BucketMode;
  usedOnly: boolean;
  textReadouts: boolean;
  /** Hidden stats only: there are none here. */
  hiddenOnly: boolean;
  accepts(name: string): boolean;
}

/** Reads the parameters, or gives Envoy's refusal. */
export function readStatsQuery(query: URLSearchParams, isPrometheusPath: boolean): StatsQuery | AdminReply {
  const format = isPrometheusPath ? 'prometheus' : pick(formats, query.get('format') ?? 'text');
  if (!format) return text('usage: /stats?format=(html|active-html|json|prometheus|text)\n\n', 400);
  const kind = pick(kinds, query.get('type') ?? 'All');
  if (!kind) return text('invalid &type= param\n', 400);
  const buckets = pick(['unset', ...bucketModes], query.get('histogram_buckets') ?? 'unset');
  if (!buckets)
    return text('usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary|prometheusnative)\n', 400);
  const hidden = pick(hiddenModes, query.get('hidden') ?? 'exclude');
  if (!hidden) return text('usage: /stats?hidden=(include|only|exclude)\n\n', 400);
  const accepts = compileFilter(query);
  if (typeof accepts === 'string') return text(`Invalid re2 regex: ${accepts}\n`, 400);
  return {
    format,
    kind,
    buckets,
    usedOnly: query.has('usedonly'),
    textReadouts: query.has('text_readouts'),
    hiddenOnly: hidden === 'only',
    accepts,
  };
}

function compileFilter(query: URLSearchParams): ((name: string) => boolean) | string {
  const pattern = query.get('filter');
  if (!pattern) return () => true;
  const inverted = query.has('invert_filter');
  try {
    const regex = new RegExp(pattern);
    return name => regex.test(name) !== inverted;
  } catch (error) {
    return describeRegexError(error, pattern);
  }
}

function pick<Value extends string>(values: readonly Value[], wanted: string): Value | undefined {
  return values.find(value => value === wanted);
}
