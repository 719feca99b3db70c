/** `COMMON_DURATION(START:END:PRECISION)`: the time between two moments of a request. */
import type { ConnectionTimes } from '../connection-times.ts';
import type { StreamInfo } from '../stream-info.ts';
import { wantedFacts } from '../wanted-facts.ts';
import { type Compiler, FormatError } from './command.ts';

/** Milliseconds since the request began, below 0 where it was before; undefined where it never came. */
type Moment = (info: StreamInfo) => number | undefined;

const ofRequest =
  (read: (info: StreamInfo) => number): Moment =>
  info => {
    const moment = read(info);
    return moment < 0 ? undefined : moment;
  };

const ofConnection =
  (
    of: (info: StreamInfo) => ConnectionTimes | undefined,
    read: (times: ConnectionTimes) => number | undefined,
  ): Moment =>
  info => {
    const times = of(info);
    const moment = times && read(times);
    return moment === undefined ? undefined : moment - info.begunMs;
  };

const ofClient = (read: (times: ConnectionTimes) => number | undefined): Moment =>
  ofConnection(({ connectionTimes }) => connectionTimes, read);
const ofHost = (read: (times: ConnectionTimes) => number | undefined): Moment =>
  ofConnection(({ upstreamTimes }) => upstreamTimes, read);

const moments = new Map<string, Moment>([
  ['DS_CX_BEG', ofClient(({ begunMs }) => begunMs)],
  ['DS_CX_END', ofClient(({ endedMs }) => endedMs)],
  ['DS_HS_END', ofClient(({ securedMs }) => securedMs)],
  ['DS_RX_BEG', () => 0],
  ['DS_RX_END', ofRequest(info => info.requestReceivedMs)],
  ['US_CX_BEG', ofHost(({ begunMs }) => begunMs)],
  ['US_CX_END', ofHost(({ connectedMs }) => connectedMs)],
  ['US_HS_END', ofHost(({ securedMs }) => securedMs)],
  ['US_TX_BEG', ofRequest(info => info.upstreamFirstSentMs)],
  ['US_TX_END', ofRequest(info => info.upstreamLastSentMs)],
  ['US_RX_BEG', ofRequest(info => info.upstreamFirstReceivedMs)],
  ['US_RX_BODY_BEG', ofRequest(info => info.upstreamBodyMs)],
  ['US_RX_END', ofRequest(info => info.upstreamLastReceivedMs)],
  ['DS_TX_BEG', ofRequest(info => info.downstreamFirstSentMs)],
  ['DS_TX_END', ofRequest(info => info.durationMs)],
]);

/** Other names are of moments that extensions may note: none does. */
const never: Moment = () => undefined;

const perMillisecond = new Map([
  ['ms', 1],
  ['us', 1000],
  ['ns', 1_000_000],
]);

export const commonDuration: Compiler = (argument = '') => {
  const parts = argument.split(':');
  if (parts.length < 2 || parts.length > 3)
    throw new FormatError(`Invalid common duration configuration: ${argument}.`);
  const [start = '', end = '', precision = 'ms'] = parts;
  const factor = perMillisecond.get(precision);
  if (factor === undefined) throw new FormatError(`Invalid common duration precision: ${precision}.`);
  if (start === 'US_RX_BODY_BEG' || end === 'US_RX_BODY_BEG') wantedFacts.bodyTimes = true;
  const [from, to] = [moments.get(start) ?? never, moments.get(end) ?? never];
  return info => {
    const [a, b] = [from(info), to(info)];
    return a === undefined || b === undefined || b < a ? undefined : Math.floor((b - a) * factor);
  };
};
