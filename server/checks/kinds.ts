import type {
  ArrivalsCheck,
  ConfigCheck,
  ProcessCheck,
  ReplayCheck,
  StatsCheck,
  ValidateCheck,
} from '../labs/content.ts';
import { isProgram, type Observation } from './observation.ts';
import { judgeReplayed, misfit, resultWords } from './replayed.ts';
import { CannotObserve, count, expectedWords, foundWords, lastWords, meets, type Verdict } from './verdict.ts';

/** A program of the learner's runs, and listens where it should. */
export async function checkProcess(check: ProcessCheck, seen: Observation): Promise<Verdict> {
  const { program, port, address } = check;
  const place = address === null ? `port ${port}` : `${address}:${port} alone`;
  const expected = port === null ? `${program} runs` : `${program} listens on ${place}`;
  const running = (await seen.processes()).filter(process => isProgram(process, program));
  if (running.length === 0) return { passed: false, expected, found: `no ${program} runs` };
  if (port === null) return { passed: true, expected, found: expected };
  const pids = running.map(process => process.pid);
  const listening = (await seen.ports()).filter(socket => socket.pid === null || pids.includes(socket.pid));
  const addresses = listening.filter(socket => socket.port === port).map(socket => socket.address);
  const elsewhere = addresses.filter(one => address !== null && one !== address);
  if (elsewhere.length > 0)
    return { passed: false, expected, found: `it listens on ${elsewhere.map(one => `${one}:${port}`).join(', ')}` };
  if (addresses.length > 0) return { passed: true, expected, found: expected };
  const ports = [...new Set(listening.map(socket => socket.port))];
  const found =
    ports.length === 0 ? `${program} runs and listens nowhere` : `${program} listens on ${ports.join(', ')}`;
  return { passed: false, expected, found };
}

/** What httpbin remembers of the requests that reached it. */
export async function checkArrivals(check: ArrivalsCheck, seen: Observation): Promise<Verdict> {
  const { path, atLeast, headers } = check;
  const wanted = Object.entries(headers).map(([name, value]) => expectedWords(name, value));
  const expected = [`${count(atLeast, 'request')} for ${path} at httpbin`, ...wanted].join(', ');
  const arrivals = await seen.arrivals();
  if (!arrivals) return { passed: false, expected, found: 'httpbin does not answer on port 8000' };
  const onPath = arrivals.filter(arrival => arrival.path === path);
  const fitting = onPath.filter(arrival => misfit(arrival.headers, headers) === undefined);
  if (fitting.length >= atLeast) return { passed: true, expected, found: count(fitting.length, 'such request') };
  const last = onPath.at(-1);
  const found = last
    ? `${count(onPath.length, 'request')} for ${path}; the last with ${misfit(last.headers, headers)?.found ?? 'all of it'}`
    : `${count(arrivals.length, 'request')} since httpbin started, none for ${path}`;
  return { passed: false, expected, found };
}

/** Requests through a scratch copy of the configuration. */
export async function checkReplay(check: ReplayCheck, seen: Observation): Promise<Verdict> {
  const results = await seen.replay(check);
  for (const [index, request] of check.requests.entries()) {
    const verdict = judgeReplayed(request, results[index]!, { ...check.upstreams, ...check.greeters });
    if (verdict.passed) continue;
    const stale = await seen.staleHint(check.configuration);
    return { ...verdict, hint: stale ?? request.hint };
  }
  const words = check.requests.map((request, index) => resultWords(request, results[index]!));
  return { passed: true, expected: check.title, found: words.join('; ') };
}

/** Numbers of the running proxy. */
export async function checkStats(check: StatsCheck, seen: Observation): Promise<Verdict> {
  const found: string[] = [];
  for (const { name, atLeast, hint } of check.stats) {
    const value = (await seen.stat(name, check.admin)) ?? 0;
    if (value < atLeast) return { passed: false, expected: `${name} at least ${atLeast}`, found: `${value}`, hint };
    found.push(`${name} ${value}`);
  }
  return { passed: true, expected: check.title, found: found.join(', ') };
}

/** Values of a configuration. */
export async function checkConfig(check: ConfigCheck, seen: Observation): Promise<Verdict> {
  const configuration = await parseConfiguration(await seen.configuration(check.configuration));
  const found: string[] = [];
  for (const { at, expect, hint } of check.values) {
    const value = valueAt(configuration, at);
    found.push(foundWords(at, value));
    if (meets(expect, value)) continue;
    const stale = await seen.staleHint(check.configuration);
    return { passed: false, expected: expectedWords(at, expect), found: foundWords(at, value), hint: stale ?? hint };
  }
  return { passed: true, expected: check.title, found: found.join(', ') };
}

async function parseConfiguration(text: string): Promise<unknown> {
  // loaded with the first configuration that is looked at: the server starts without it
  const { parse } = await import('yaml');
  try {
    return parse(text);
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new CannotObserve('a file of YAML', message, 'Look at the indentation: spaces, never tabs.');
  }
}

function valueAt(value: unknown, path: string): string | undefined {
  let current = value;
  for (const key of path.split(/[.[\]]+/).filter(part => part !== '')) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  if (current === undefined || current === null) return undefined;
  return typeof current === 'object' ? JSON.stringify(current) : String(current);
}

/** `proxy --mode validate` accepts the file. */
export async function checkValidate(check: ValidateCheck, seen: Observation): Promise<Verdict> {
  const content = await seen.file(check.file);
  const result = await seen.call('execute', {
    command: ['proxy', '--mode', 'validate', '--config-yaml', content],
    user: 'checker',
    timeoutMs: 10_000,
    maximumOutput: 64 * 1024,
  });
  const expected = `proxy --mode validate accepts ${check.file}`;
  if (result.exitStatus === 0) return { passed: true, expected, found: 'it does' };
  const said = lastWords(`${result.standardOutput}\n${result.standardError}`, check.file);
  return { passed: false, expected, found: said || `exit status ${result.exitStatus}` };
}
