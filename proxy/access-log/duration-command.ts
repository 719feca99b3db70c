/** `COMMON_DURATION(START:END:PRECISION)`: the time between two moments of a request. */
import type { StreamInfo } from '../stream-info.ts';
import { type Compiler, FormatError } from './command.ts';

/** Milliseconds since the request began; -1 where it never came. */
const moments = new Map<string, (info: StreamInfo) => number>([
  ['DS_RX_BEG', () => 0],
  ['DS_RX_END', info => info.requestReceivedMs],
  ['US_TX_BEG', info => info.upstreamFirstSentMs],
  ['US_TX_END', info => info.upstreamLastSentMs],
  ['US_RX_BEG', info => info.upstreamFirstReceivedMs],
  ['US_RX_END', info => info.upstreamLastReceivedMs],
  ['DS_TX_BEG', info => info.downstreamFirstSentMs],
  ['DS_TX_END', info => info.durationMs],
]);

const perMillisecond = new Map([
  ['ms', 1],
  ['us', 1000],
  ['ns', 1_000_000],
]);

export const commonDuration: Compiler = (argument = '') => {
  const [start = '', end = '', precision = '', ...rest] = argument.split(':');
  const [from, to, factor] = [moments.get(start), moments.get(end), perMillisecond.get(precision)];
  if (from === undefined || to === undefined || factor === undefined || rest.length > 0)
    throw new FormatError(`this proxy knows no such COMMON_DURATION: ${argument}`);
  return info => {
    const [a, b] = [from(info), to(info)];
    return a < 0 || b < 0 || b < a ? undefined : Math.floor((b - a) * factor);
  };
};
