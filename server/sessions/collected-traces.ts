import type { CollectedTraces, Trace, TraceSpan } from '../api.ts';
import { type Agent, failureCode } from '../checks/agent.ts';
import { UnicornError } from '../errors.ts';
import { askAgent } from './agent-calls.ts';

const collector = 'http://127.0.0.1:9411/api/v2/traces';
const timeoutMs = 5000;
const maximumBody = 512 * 1024;
/** How many traces are asked for: fewer where those are more than `maximumBody`. */
const amounts = [20, 5, 1];
const mostSpans = 200;
const mostTags = 40;

const text = (value: unknown, most = 200): string => (typeof value === 'string' ? value.slice(0, most) : '');
const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const fields = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** Questions under way: whoever asks meanwhile gets the same answer, so that pages do not add up. */
const asked = new WeakMap<Agent, Promise<CollectedTraces>>();

/**
 * Asks the collector in the sandbox, by Zipkin's API, for its last traces. What answers may be any program of the learner's: it is taken for
 * what it is, in a bounded size.
 *
 * @throws UnicornError `invalid` where something else answers there
 */
export function collectedTraces(agent: Agent): Promise<CollectedTraces> {
  let answer = asked.get(agent);
  if (!answer) {
    answer = ask(agent).finally(() => asked.delete(agent));
    asked.set(agent, answer);
  }
  return answer;
}

async function ask(agent: Agent): Promise<CollectedTraces> {
  for (const amount of amounts) {
    const answer = await askAgent(() => get(agent, `${collector}?limit=${amount}`));
    if (answer === undefined) return { traces: null };
    if (answer.status !== 200) throw noCollector(`answers ${answer.status}`);
    if (!answer.truncated) return { traces: tracesOf(answer.body).slice(0, amount) };
  }
  throw noCollector(`has a trace of more than ${maximumBody} bytes`);
}

async function get(agent: Agent, url: string) {
  try {
    return await agent.call('http.request', { url, timeoutMs, maximumBody });
  } catch (error) {
    if (failureCode(error) === 'refused') return undefined;
    throw error;
  }
}

function tracesOf(body: string): Trace[] {
  let traces: unknown;
  try {
    traces = JSON.parse(body);
  } catch {
    throw noCollector('answers with something else than JSON');
  }
  if (!Array.isArray(traces)) throw noCollector('answers with something else than a list of traces');
  return traces.flatMap(spans => (Array.isArray(spans) && spans.length > 0 ? [traceOf(spans)] : []));
}

function traceOf(spans: unknown[]): Trace {
  return { id: text(fields(spans[0]).traceId, 32), spans: spans.slice(0, mostSpans).map(spanOf) };
}

function spanOf(value: unknown): TraceSpan {
  const { id, parentId, shared, name, localEndpoint, timestamp, duration, tags } = fields(value);
  return {
    id: text(id, 16),
    parentId: typeof parentId === 'string' ? text(parentId, 16) : null,
    shared: shared === true,
    name: text(name),
    service: text(fields(localEndpoint).serviceName),
    atMs: number(timestamp) / 1000,
    durationMs: Math.max(0, number(duration) / 1000),
    tags: Object.entries(fields(tags))
      .slice(0, mostTags)
      .map(([tag, told]) => [text(tag), text(told, 500)]),
  };
}

function noCollector(what: string): UnicornError {
  return new UnicornError(
    'invalid',
    `What listens on port 9411 of your sandbox ${what}.`,
    'Start the collector: traces',
  );
}
