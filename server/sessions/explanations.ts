import type { RequestDecision, RequestExplanation } from '../api.ts';
import type { Agent } from '../checks/agent.ts';
import { UnicornError } from '../errors.ts';
import { askAgent } from './agent-calls.ts';

const timeoutMs = 10_000;
const maximumBody = 256 * 1024;
const mostDecisions = 200;
const address = /^(?:[\w.-]{1,255}|\[[\da-f:.]{2,45}\]):\d{1,5}$/i;

const text = (value: unknown, most = 300): string => (typeof value === 'string' ? value.slice(0, most) : '');
const fields = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/**
 * Asks the learner's proxy what decided a request. What answers runs in the sandbox: it is taken for what it is, with texts of bounded size.
 *
 * @param at the admin interface of the proxy, `host:port` in the learner's network
 * @throws UnicornError `not-found` where nobody knows any more
 */
export async function explainRequest(agent: Agent, at: string, id: string): Promise<RequestExplanation> {
  if (!address.test(at)) throw new UnicornError('invalid', 'The address of a proxy is HOST:PORT.');
  const url = `http://${at}/explain?format=json&id=${encodeURIComponent(id)}`;
  const { status, body } = await askAgent(() => agent.call('http.request', { url, timeoutMs, maximumBody })).catch(
    gone,
  );
  if (status !== 200) throw forgotten();
  try {
    const { problem, explanations } = fields(JSON.parse(body));
    const decisions = fields(Array.isArray(explanations) ? explanations[0] : undefined).decisions;
    if (!Array.isArray(decisions)) throw forgotten();
    return { problem: text(problem), decisions: decisions.slice(0, mostDecisions).map(decision) };
  } catch (error) {
    throw error instanceof SyntaxError ? forgotten() : error;
  }
}

function decision(value: unknown): RequestDecision {
  const { by, name, why, origin } = fields(value);
  const { file, line, text: written, path, resource } = fields(origin);
  const { type, name: resourceName, version } = fields(resource);
  const position =
    typeof file === 'string' && typeof line === 'number' ? { file: text(file), line, text: text(written) } : null;
  const named = [text(type).split('.').at(-1), text(resourceName), text(version) && `version ${text(version)}`];
  return {
    by: text(by),
    name: text(name),
    why: text(why, 1000),
    position,
    resource: resource === undefined ? '' : named.filter(Boolean).join(' '),
    path: text(path, 1000),
  };
}

function gone(error: unknown): never {
  if (!(error instanceof UnicornError) || error.code !== 'invalid') throw error;
  throw new UnicornError(
    'not-found',
    'The proxy that passed this request does not answer: it was stopped, or its admin interface has another address now.',
    'Send a request again, and look at that one.',
    { cause: error },
  );
}

function forgotten(): UnicornError {
  return new UnicornError(
    'not-found',
    'The proxy does not know this request any more: it was started again, or many came since.',
    'Send it again, and look at that one.',
  );
}
