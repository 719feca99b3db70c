/** What came of the requests of a replay, held against what was expected. */
import type { ShownCertificate } from '../../images/agent/protocol/messages.ts';
import type { Expectation, Reached, ReplayCheck, ReplayRequest } from '../labs/content.ts';
import { headerOf, type Replayed, upstreamAt } from './observation.ts';
import { fitsShare } from './share.ts';
import { count, expectedWords, foundWords, meets, shorten, type Verdict } from './verdict.ts';

type Headers = Record<string, Expectation>;

/** The first header that is not as expected. */
export function misfit(headers: [string, string][], wanted: Headers): { expected: string; found: string } | undefined {
  for (const [name, expectation] of Object.entries(wanted)) {
    const value = headerOf(headers, name);
    if (!meets(expectation, value))
      return { expected: expectedWords(name, expectation), found: foundWords(name, value) };
  }
  return undefined;
}

type Response = Replayed['responses'][number];

function targetOf({ method, url, grpc, load, serverName, client }: ReplayRequest): string {
  const plain = (address: string): string => address.replace(/^http:\/\//, '');
  const beside = load
    ? `, while ${count(load.count, 'call')} of ${plain(load.url)} ${load.count === 1 ? 'is' : 'are'} under way`
    : '';
  const name = serverName === undefined ? '' : ` for ${serverName || 'no name'}`;
  const shown = client ? ` with the certificate ${client.name}` : '';
  return `${grpc ? 'gRPC' : method} ${plain(url)}${name}${shown}${beside}`;
}
const secondsOf = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

/** What came, for a check that passed. */
export function resultWords(request: ReplayRequest, { responses }: Replayed): string {
  if (responses.length > 1) return `${responses.length} × ${targetOf(request)}`;
  const response = responses[0]!;
  if ('error' in response) return `${targetOf(request)}: ${response.error}`;
  return `${targetOf(request)}: ${statusWords(response)} after ${secondsOf(response.durationMs)}`;
}

type Answered = Exclude<Response, { error: string }>;

/** Where gRPC was spoken, the status of that too: in the trailers, or in the headers where those are all. */
function grpcStatusOf({ headers, trailers = [] }: Answered): string | undefined {
  return headerOf(trailers, 'grpc-status') ?? headerOf(headers, 'grpc-status');
}

function statusWords(response: Answered): string {
  if (response.trailers === undefined) return String(response.status);
  return `${response.status} with grpc-status ${grpcStatusOf(response) ?? 'missing'}`;
}

/** Compares all that came of a request with what was expected: of each answer, then of all together. */
export function judgeReplayed(
  request: ReplayRequest,
  replayed: Replayed,
  upstreams: ReplayCheck['upstreams'],
): Verdict {
  const { expect, count: sent } = request;
  const { responses, arrivals } = replayed;
  const once = sent === 1;
  for (const response of responses) {
    const verdict = judgeRequest(request, response, arrivals);
    if (!verdict.passed) return verdict;
  }
  const statuses = responses.map(response => ('error' in response ? response.error : String(response.status)));
  const target = once ? targetOf(request) : `${sent} × ${targetOf(request)}`;
  const answered = expect.statuses && judgeShares(`${target}: answers`, expect.statuses, statuses);
  if (answered && !answered.passed) return answered;
  const names = arrivals.map(({ upstream }) => nameOf(upstream, upstreams));
  const spread = expect.spread && judgeShares(`${target}: requests that reach`, expect.spread, names);
  if (spread && !spread.passed) return spread;
  const different = new Set(names).size;
  if (expect.upstreams !== undefined && different !== expect.upstreams)
    return {
      passed: false,
      expected: `${target}: ${count(expect.upstreams, 'upstream')} reached`,
      found: `${different}: ${[...new Set(names)].sort().join(', ') || 'nothing arrived'}`,
    };
  for (const [name, wanted] of Object.entries(expect.at ?? {})) {
    const reached = judgeReached(
      `${target}: `,
      sent,
      name,
      wanted,
      arrivals.filter((_, n) => names[n] === name),
    );
    if (!reached.passed) return reached;
  }
  return { passed: true, expected: target, found: `${sent} as expected` };
}

/** Compares what reached one upstream with what was expected there. */
function judgeReached(
  target: string,
  sent: number,
  name: string,
  wanted: Reached,
  arrivals: Replayed['arrivals'],
): Verdict {
  const say = (expected: string, found: string): Verdict => ({ passed: false, expected: target + expected, found });
  const reaches = wanted.arrivals === undefined ? undefined : wanted.arrivals * sent;
  if (reaches !== undefined && arrivals.length !== reaches)
    return say(`reaches ${name} ${times(reaches)}`, `reached it ${times(arrivals.length)}`);
  if (wanted.percent !== undefined && !fitsShare(arrivals.length, sent, wanted.percent))
    return say(`${wanted.percent} % reach ${name}`, `${arrivals.length} of ${sent} did`);
  for (const { headers } of arrivals) {
    const wrong = misfit(headers, wanted.headers ?? {});
    if (wrong) return say(`arrives at ${name} with ${wrong.expected}`, `arrived with ${wrong.found}`);
  }
  return { passed: true, expected: target, found: `${name} as expected` };
}

/** The name that a check gives to an upstream, else its address. */
function nameOf(upstream: string, upstreams: ReplayCheck['upstreams']): string {
  return Object.entries(upstreams).find(([, port]) => upstreamAt(port) === upstream)?.[0] ?? upstream;
}

/** Whether what was found falls on the names as the shares, in percent, say. Nothing at all fits no shares. */
function judgeShares(what: string, shares: Record<string, number>, found: string[]): Verdict {
  const counts = new Map(Object.keys(shares).map(name => [name, 0]));
  for (const name of found) counts.set(name, (counts.get(name) ?? 0) + 1);
  const fits = [...counts].every(([name, count]) => fitsShare(count, found.length, shares[name] ?? 0));
  return {
    passed: found.length > 0 && fits,
    expected: `${what} ${Object.entries(shares)
      .map(([name, percent]) => `${name} ${percent} %`)
      .join(', ')}`,
    found: `${[...counts].map(([name, count]) => `${name} ${count}`).join(', ')} of ${found.length}`,
  };
}

/** Compares one answer with what was expected of it: the first difference in words. */
function judgeRequest(request: ReplayRequest, response: Response, arrivals: Replayed['arrivals']): Verdict {
  const { expect } = request;
  const target = targetOf(request);
  const say = (expected: string, found: string): Verdict => ({
    passed: false,
    expected: `${target}: ${expected}`,
    found,
  });
  const answer = expectedAnswer(expect);
  const reached = judgeArrivals(request, arrivals);
  if ('error' in response) {
    const found = shorten(response.error);
    if (!expect.refused || !response.refused) return say(answer, found);
    return reached ? say(...reached) : { passed: true, expected: `${target}: ${answer}`, found };
  }
  const found = `${statusWords(response)} after ${secondsOf(response.durationMs)}`;
  if (expect.refused) return say(answer, found);
  const shown = judgeCertificate(expect.certificate, response.certificate);
  if (shown) return say(...shown);
  const seconds = response.durationMs / 1000;
  const [from, to] = expect.seconds ?? [0, Number.POSITIVE_INFINITY];
  if (expect.status !== undefined && response.status !== expect.status) return say(answer, found);
  if (expect.grpcStatus !== undefined && grpcStatusOf(response) !== String(expect.grpcStatus))
    return say(answer, found);
  if (seconds < from || seconds > to) return say(answer, found);
  const header = misfit(response.headers, expect.headers ?? {});
  if (header) return say(`an answer with ${header.expected}`, header.found);
  if (expect.body !== undefined && !meets(expect.body, response.body)) {
    return say(expectedWords('a body', expect.body), shorten(response.body) || 'an empty body');
  }
  const line = response.log?.join('\n') || undefined;
  if (expect.log !== undefined && !meets(expect.log, line)) {
    return say(expectedWords('a line in the access log', expect.log), foundWords('line', line));
  }
  return reached ? say(...reached) : { passed: true, expected: `${target}: ${answer}`, found };
}

/** What was expected and what was found instead. */
type Difference = [expected: string, found: string];

function judgeArrivals({ expect, count, grpc }: ReplayRequest, arrivals: Replayed['arrivals']): Difference | undefined {
  const reaches = expect.arrivals === undefined ? undefined : expect.arrivals * count;
  const upstream = grpc ? 'greeter' : 'httpbin';
  if (reaches !== undefined && arrivals.length !== reaches)
    return [`reaches ${upstream} ${times(reaches)}`, `reached it ${times(arrivals.length)}`];
  if (expect.arrivalHeaders && arrivals.length === 0) return [`reaches ${upstream}`, 'nothing arrived'];
  for (const arrival of arrivals) {
    const wrong = misfit(arrival.headers, expect.arrivalHeaders ?? {});
    if (wrong) return [`arrives with ${wrong.expected}`, `arrived with ${wrong.found}`];
  }
  return undefined;
}

function judgeCertificate(name: string | undefined, shown: ShownCertificate | undefined): Difference | undefined {
  if (name === undefined || shown?.subjectAltNames.includes(name)) return undefined;
  return [`shows a certificate for ${name}`, shown ? `it is for ${shown.subjectAltNames.join(', ')}` : 'it shows none'];
}

const times = (number: number): string => (number === 1 ? 'once' : `${number} times`);

function expectedAnswer(expect: ReplayRequest['expect']): string {
  if (expect.refused) return 'is refused, without an answer';
  const { grpcStatus } = expect;
  const plain = expect.status === undefined ? 'an answer' : String(expect.status);
  const status = grpcStatus === undefined ? plain : `${plain} with grpc-status ${grpcStatus}`;
  return expect.seconds ? `${status} after ${expect.seconds[0]} to ${expect.seconds[1]} s` : status;
}
