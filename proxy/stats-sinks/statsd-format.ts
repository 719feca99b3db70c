/** Lines of statsd, and of DogStatsD, which has tags beside names. */
import { tagged } from '../stats/tags.ts';

export type MetricType = 'c' | 'g' | 'ms';

/** Gives the line of one metric, without an end. */
export type LineFormat = (name: string, value: number | bigint, type: MetricType) => string;

const usualPrefix = 'envoy';

export function statsdFormat(prefix: string): LineFormat {
  const before = prefix || usualPrefix;
  return (name, value, type) => `${before}.${name}:${value}|${type}`;
}

/** @see https://docs.datadoghq.com/developers/dogstatsd/datagram_shell */
export function dogStatsdFormat(prefix: string): LineFormat {
  const before = prefix || usualPrefix;
  return (fullName, value, type) => {
    const { name, tags } = tagged(fullName);
    const told = tags.map(([tag, text]) => `${tag.replace('_', '.')}:${text}`).join(',');
    return `${before}.${name}:${value}|${type}${told === '' ? '' : `|#${told}`}`;
  };
}
