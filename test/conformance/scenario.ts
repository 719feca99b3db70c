/** A scenario: one configuration, and what is asked of the proxy that runs it. It is run on the real Envoy and on ours; what is seen has to be equal. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Answer, exchange } from './exchange.ts';
import { type Running, type Subject, start } from './subject.ts';
import { startUpstreams, type Upstreams } from './upstream.ts';

export interface Ports extends Omit<Upstreams, 'close'> {
  listener: number;
  admin: number;
}

/** What a step may use: the ports, and the file that the access log goes to. */
export interface Place {
  ports: Ports;
  accessLog: string;
  running: Running;
}

export interface Step {
  name: string;
  /** Does something with the proxy and tells what is seen, in a form that is equal when the proxies behave alike. */
  see: (place: Place) => Promise<unknown>;
}

export interface Scenario {
  name: string;
  config: (ports: Ports, accessLog: string) => unknown;
  /** Starts what runs beside the proxy, and answers what ends it. */
  beside?: (ports: Ports) => Promise<() => Promise<void>>;
  /** More of the command line. */
  args?: readonly string[];
  steps: Step[];
}

/** What each step of a scenario showed, by name. */
export type Seen = Map<string, unknown>;

/** Runs a scenario on several proxies, one after the other, on the same ports with upstreams that know nothing of the one before. */
export async function play(scenario: Scenario, subjects: Subject[]): Promise<Seen[]> {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  const [listener = 0, admin = 0, httpbin = 0, raw = 0, http2 = 0, nobody = 0] = await freePorts(6);
  const seen: Seen[] = [];
  try {
    for (const subject of subjects) {
      const upstreams = await startUpstreams({ httpbin, raw, http2, nobody });
      try {
        seen.push(await playOn(subject, scenario, { ...upstreams, listener, admin }, folder));
      } finally {
        await upstreams.close();
      }
    }
    return seen;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function playOn(subject: Subject, scenario: Scenario, ports: Ports, folder: string): Promise<Seen> {
  const accessLog = join(folder, 'access.log');
  rmSync(accessLog, { force: true });
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify(scenario.config(ports, accessLog)));
  const endBeside = await scenario.beside?.(ports);
  try {
    return await playSteps(subject, scenario, ports, { file, accessLog });
  } finally {
    await endBeside?.();
  }
}

async function playSteps(
  subject: Subject,
  scenario: Scenario,
  ports: Ports,
  { file, accessLog }: { file: string; accessLog: string },
): Promise<Seen> {
  const running = await start(subject, file, ports.admin, process.pid % 30_000, scenario.args);
  const seen: Seen = new Map();
  try {
    for (const { name, see } of scenario.steps) seen.set(name, await see({ ports, accessLog, running }));
  } finally {
    await running.stop();
  }
  return seen;
}

/**
 * TCP ports that nobody uses now, nor takes before they are used: they lie below those that the system gives to connections and to servers without a port of their own
 * (from 32768 on), and each process takes from a hundred of its own.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tried = 0; ports.length < count; tried++) {
    if (tried === portsOfProcess) throw new Error(`no ${count} ports are free from ${firstPort} on`);
    const port = firstPort + (nextPort++ % portsOfProcess);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

const portsOfProcess = 100;
const firstPort = 10_000 + (process.pid % 220) * portsOfProcess;
let nextPort = 0;

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

// ---- steps

export interface RequestOptions {
  method?: string;
  host?: string;
  headers?: string[];
  body?: string;
  /** Also tells whether the proxy then closes the connection. */
  close?: boolean;
}

/** A step: one request to the listener. */
export function request(path: string, options: RequestOptions = {}, name?: string): Step {
  const { method = 'GET', host = 'example.com', headers = [], body = '', close = false } = options;
  const length = body === '' ? [] : [`content-length: ${body.length}`];
  const bytes = [`${method} ${path} HTTP/1.1`, `host: ${host}`, ...headers, ...length, '', body].join('\r\n');
  return raw(name ?? [method, path, ...headers].join(' '), bytes, close);
}

/** A step: these bytes to the listener. */
export function raw(name: string, bytes: string, close = false, patienceMs?: number): Step {
  return { name, see: async ({ ports }) => normalize(await exchange(ports.listener, bytes, close, patienceMs)) };
}

/** A step: a request to the admin interface; `pick` chooses what of the body is compared. */
export function admin(path: string, pick: (body: string) => unknown = body => body, method = 'GET'): Step {
  return {
    name: `admin ${method} ${path}`,
    see: async ({ ports }) => {
      const bytes = `${method} ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n`;
      const answer = normalize(await exchange(ports.admin, bytes));
      return { ...answer, body: pick(answer.body) };
    },
  };
}

/** How long a statistic may take to settle, in milliseconds. */
const settling = 2000;

/** A step: the values of these statistics; `absent` where one is not there. Waits until two readings agree. */
export function stats(...names: string[]): Step {
  return {
    name: `stats ${names.length === 1 ? names[0] : `(${names.length}) ${names[0]} …`}`,
    see: async ({ ports }) => {
      const until = Date.now() + settling;
      for (let before = ''; ; ) {
        const now = await readStats(ports.admin, names);
        const text = JSON.stringify(now);
        if (text === before || Date.now() > until) return now;
        before = text;
        await wait(50);
      }
    },
  };
}

/** Ends once this statistic has this value, or after a while. */
export async function waitForStat(port: number, name: string, value: string): Promise<void> {
  const until = Date.now() + settling;
  while ((await readStats(port, [name]))[name] !== value && Date.now() < until) await wait(10);
}

/** The values of these statistics now; `absent` where one is not there. */
export async function readStats(port: number, names: string[]): Promise<Record<string, string>> {
  const body = await (await fetch(`http://127.0.0.1:${port}/stats`)).text();
  const all = new Map(body.split('\n').map(line => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
  return Object.fromEntries(names.map(name => [name, all.get(name) ?? 'absent']));
}

/** A step: the lines that the access log got, once there are as many as that. */
export function accessLog(lines: number, normalizeLine: (line: string) => string = normalizeText): Step {
  return {
    name: `the access log's ${lines} lines`,
    see: async ({ accessLog }) => {
      const until = Date.now() + 15_000;
      for (;;) {
        const found = readLines(accessLog);
        if (found.length >= lines || Date.now() > until) return found.map(normalizeLine);
        await wait(100);
      }
    },
  };
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter(line => line !== '');
  } catch {
    return [];
  }
}

/** A step that does several things one after the other and compares all of it. */
export function together(name: string, steps: Step[]): Step {
  return {
    name,
    see: async place => {
      const seen: unknown[] = [];
      for (const step of steps) seen.push(await step.see(place));
      return seen;
    },
  };
}

/** A step: the others once the first one is under way, as this statistic tells; what all saw, in any order. */
export function during(name: string, first: Step, statistic: string, value: string, others: Step[]): Step {
  return {
    name,
    see: async place => {
      const pending = first.see(place);
      const until = Date.now() + settling;
      while ((await readStats(place.ports.admin, [statistic]))[statistic] !== value && Date.now() < until)
        await wait(10);
      const seen = await Promise.all([pending, ...others.map(step => step.see(place))]);
      return seen.map(one => JSON.stringify(one)).sort();
    },
  };
}

// ---- what differs from run to run is made equal

export function normalize(answer: Answer): Answer {
  return { ...answer, head: answer.head.map(normalizeHeader), body: normalizeText(answer.body) };
}

function normalizeHeader(line: string): string {
  if (/^date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/i.test(line)) return line.replace(/: .*/, ': <date>');
  if (/^x-envoy-upstream-service-time: \d+$/i.test(line)) return line.replace(/\d+$/, '<ms>');
  return normalizeText(line);
}

/** UUIDs keep the digit that tells how they were made; times are cut off. */
export function normalizeText(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid $1>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z/g, '<time>');
}
