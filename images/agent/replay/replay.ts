import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { HttpResponse, NoResponse, ReplayParams, ReplayResult } from '../protocol/messages.ts';
import { requestIn } from '../world/http.ts';
import { Refusal } from '../world/refusal.ts';
import type { World } from '../world/world.ts';
import { adminAddress } from './admin.ts';
import { type Container, startContainer, type Upstream } from './container.ts';
import { LastWords, Upstreams } from './output.ts';

const usualUpstreams: Upstream[] = [{ address: '127.0.0.2', port: 8000 }];
const programs = ['httpbin', 'greeter'];
const usualRequestMs = 5000;
const mostUpstreams = 8;
const mostBeside = 2;
const mostFileBytes = 256 * 1024;
const mostRequests = 500;
const mostResponseBody = 64 * 1024;
/** The load of a request is under way by then, in the order in which it was asked for. */
const loadedMs = 200;
/** A line of the access log has been read by then. */
const loggedMs = 50;
/** What a proxy knows of its hosts' health counts by then. */
const settleMs = 1100;
const mostAdminBody = 512 * 1024;
const mostTimeMs = 60_000;

let last: Promise<unknown> = Promise.resolve();

/** See the method `replay`. One at a time: each takes the memory of some programs. */
export function replay(_world: World, params: ReplayParams, signal: AbortSignal): Promise<ReplayResult> {
  const timeMs = Math.min(params.timeoutMs, mostTimeMs);
  const endsAt = performance.now() + timeMs;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeMs)]);
  const own = last.then(() => run(checked(params), endsAt, limit));
  last = own.catch(() => {});
  return own.catch(error => {
    if (signal.aborted) throw new Failure('cancelled', 'the caller gave up');
    throw limit.aborted ? new Failure('timed-out', `the replay did not end within ${params.timeoutMs} ms`) : error;
  });
}

function checked(params: ReplayParams): ReplayParams {
  const { configuration, beside = [], limits, upstreams = usualUpstreams, files = [], requests } = params;
  const count = requests.reduce((sum, { count = 1, load }) => sum + count * (1 + (load?.count ?? 0)), 0);
  if (typeof configuration !== 'string') throw new Failure('invalid', 'a configuration is needed');
  if (count > mostRequests) throw new Failure('invalid', `${count} requests, ${mostRequests} are allowed`);
  if (beside.length > mostBeside) throw new Failure('invalid', `${mostBeside} further proxies are allowed`);
  if ([...beside, limits ?? ''].some(text => typeof text !== 'string'))
    throw new Failure('invalid', 'each configuration is a text');
  if (upstreams.length > mostUpstreams) throw new Failure('invalid', `${mostUpstreams} upstreams are allowed`);
  for (const { address, port, program = 'httpbin' } of upstreams)
    if (!/^[\d.]{7,15}$/.test(address) || !Number.isInteger(port) || !programs.includes(program))
      throw new Failure('invalid', 'an upstream needs an IPv4 address and a port, and may be httpbin or greeter');
  checkFiles(files);
  return { ...params, upstreams };
}

function checkFiles(files: NonNullable<ReplayParams['files']>): void {
  for (const { path, content } of files)
    if (typeof content !== 'string' || !/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/.test(path))
      throw new Failure('invalid', 'a file needs a content and a path below the home');
  const bytes = files.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
  if (bytes > mostFileBytes) throw new Failure('too-large', `${bytes} bytes of files, ${mostFileBytes} are allowed`);
}

async function run(params: ReplayParams, endsAt: number, signal: AbortSignal): Promise<ReplayResult> {
  signal.throwIfAborted();
  const { configuration, beside = [], limits, upstreams = usualUpstreams, files } = params;
  const container = startContainer({ proxies: [configuration, ...beside], limits, upstreams }, files);
  const failed = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
    container.child.once('error', reject);
  });
  failed.catch(() => {});
  try {
    return await Promise.race([failed, play(params, upstreams.length, container, endsAt, signal)]);
  } finally {
    container.remove();
  }
}

async function play(
  params: ReplayParams,
  count: number,
  container: Container,
  endsAt: number,
  signal: AbortSignal,
): Promise<ReplayResult> {
  const upstreams = new Upstreams(container.child.stdout!);
  const programs = 1 + (params.beside?.length ?? 0) + (params.limits === undefined ? 0 : 1);
  const words = new LastWords(container.child.stderr!, programs);
  const ended = new Promise<void>(resolve => container.child.once('close', () => resolve()));
  await Promise.race([upstreams.listening(count), ended]);
  const result: ReplayResult = { responses: [], arrivals: upstreams.arrivals, admin: [] };
  if (words.ended) return { ...result, failure: words.text };
  const pid = container.pid();
  if (pid === undefined || container.child.exitCode !== null)
    throw new Failure('internal', `the scratch copy does not start: ${words.text}`);
  await words.up();
  if (words.ended) return { ...result, failure: words.text };
  await settle(params.configuration, signal);
  for (const request of params.requests) if (!(await sendAll(pid, request, result, words, endsAt, signal))) break;
  await upstreams.quiet();
  for (const path of params.adminPaths ?? []) result.admin.push(await readAdmin(pid, path, signal));
  return words.ended ? { ...result, failure: words.text } : result;
}

/** Within a second of its start a proxy chooses ejected hosts still, as Envoy does: see `update_merge_window`. */
async function settle(configuration: string, signal: AbortSignal): Promise<void> {
  if (/\boutlier_?detection\b/i.test(configuration)) await delay(settleMs, undefined, { signal });
}

/** Answers false where one could end too late: what came so far tells why, so the rest is left. */
async function sendAll(
  pid: number,
  request: ReplayParams['requests'][number],
  result: ReplayResult,
  words: LastWords,
  endsAt: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { count = 1, timeoutMs = usualRequestMs, load, log = false, ...rest } = request;
  for (let sent = 0; sent < count; sent++) {
    signal.throwIfAborted();
    if (performance.now() + timeoutMs > endsAt) return false;
    const loaded = load && (await startLoad(pid, load, timeoutMs, signal));
    // Lines of requests before it may be on their way.
    if (log) await delay(loggedMs, undefined, { signal });
    const logged = words.log.length;
    const response = await answerOf(requestIn(pid, { ...rest, timeoutMs, maximumBody: mostResponseBody }, signal));
    result.responses.push({ url: request.url, ...response, ...(log ? { log: await words.logFrom(logged) } : {}) });
    await loaded?.ended;
  }
  return true;
}

async function answerOf(response: Promise<HttpResponse>): Promise<HttpResponse | NoResponse> {
  try {
    return await response;
  } catch (error) {
    return { error: (error as Error).message, ...(error instanceof Refusal ? { refused: true } : {}) };
  }
}

/** Sends requests whose answers do not matter. Resolves with their end when they are under way. */
async function startLoad(
  pid: number,
  { url, count }: { url: string; count: number },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ ended: Promise<unknown> }> {
  const one = () => requestIn(pid, { url, timeoutMs, maximumBody: mostResponseBody }, signal);
  const ended = Promise.allSettled(Array.from({ length: count }, one));
  await delay(loadedMs, undefined, { signal });
  return { ended };
}

async function readAdmin(pid: number, path: string, signal: AbortSignal): Promise<ReplayResult['admin'][number]> {
  const admin = adminAddress(pid);
  if (!admin) return { path, status: 0, body: 'the configuration has no admin address' };
  const host = admin.address === '0.0.0.0' ? '127.0.0.1' : admin.address;
  const url = `http://${host}:${admin.port}${path}`;
  try {
    const { status, body } = await requestIn(
      pid,
      { url, timeoutMs: usualRequestMs, maximumBody: mostAdminBody },
      signal,
    );
    return { path, status, body };
  } catch (error) {
    return { path, status: 0, body: (error as Error).message };
  }
}
