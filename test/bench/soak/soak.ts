/**
 * Whether a proxy holds out: minutes of load at half of what it can do, while its configuration changes every second and hosts die and come back.
 * No answer may be wrong, none may be lost, and neither memory nor descriptors may grow.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePorts, readStats } from '../../conformance/scenario.ts';
import { findEnvoy, ours, type Running, type Subject, start } from '../../conformance/subject.ts';
import { ownFlags } from '../peers.ts';
import { printTable, quantile, round } from '../table.ts';
import { bootstrap, Control, type Ports } from './control.ts';
import { Load } from './load.ts';
import { descriptorsOf, type Growth, Resources } from './resources.ts';
import { services, Upstreams } from './upstreams.ts';

const usage = `npm run -s bench -- soak [--minutes N] [--rate N] [--peer envoy]
  --minutes  how long each proxy is under load; 10 where nothing is said
  --rate     requests a second; half of what our proxy can do where nothing is said, which is measured first
  --peer     also runs Envoy, at the same rate: then ours may lose what Envoy loses too`;

interface Options {
  minutes: number;
  /** Undefined: to be measured. */
  rate: number | undefined;
  envoy: boolean;
}

interface Outcome {
  name: string;
  rate: number;
  load: Load;
  deaths: number;
  versions: number;
  /** Of the proxy's statistics. */
  counted: Record<string, number>;
  memory: Growth;
  descriptors: Growth;
  /** Descriptors when nothing goes on, before and after. */
  resting: { before: number; after: number };
}

// Statistics
const clusters = 'cluster_manager.cds';
const routes = 'http.soak.rds.routes';
const activeClusters = 'cluster_manager.active_clusters';
const activeRequests = 'http.soak.downstream_rq_active';

const measuredMs = 5000;
/** The control plane's own, those in use, those that take over. */
const mostClusters = 1 + 2 * services.length;
/** MiB, and descriptors: what is less may be chance. */
const mostMemoryGrowth = { share: 0.1, atLeast: 16 };
/** As many as may come and go by chance. */
const mostDescriptorsMore = 16;
/** Longer than hosts keep connections that nobody uses. */
const restMs = 8000;

/** @param args of the command line @returns the exit status */
export async function soak(args: string[]): Promise<number> {
  const options = optionsOf(args);
  if (options === undefined) {
    console.error(usage);
    return 2;
  }
  const own = await run({ name: 'ours', command: withFlags(ours.command) }, options);
  const outcomes = [own];
  const envoy = options.envoy ? findEnvoy() : null;
  if (options.envoy && envoy === null) console.log('  no Envoy to compare with: name one by UNICORN_ENVOY');
  if (envoy !== null) outcomes.push(await run(envoy, { ...options, rate: own.rate }));
  report(outcomes, options.minutes);
  const failures = failuresOf(own, outcomes[1]);
  for (const failure of failures) console.log(`  FAILED  ${failure}`);
  if (failures.length === 0) console.log('  passed');
  return failures.length === 0 ? 0 : 1;
}

function optionsOf(args: string[]): Options | undefined {
  try {
    const options = { minutes: { type: 'string' }, rate: { type: 'string' }, peer: { type: 'string' } } as const;
    const { minutes = '10', rate, peer } = parseArgs({ args, options }).values;
    const isGood = Number(minutes) > 0 && (rate === undefined || Number(rate) > 0);
    if (!isGood || (peer !== undefined && peer !== 'envoy')) return undefined;
    return { minutes: Number(minutes), rate: rate === undefined ? undefined : Number(rate), envoy: peer === 'envoy' };
  } catch (error) {
    console.error((error as Error).message);
    return undefined;
  }
}

/** As `npm run proxy` has them. */
const withFlags = ([program = '', ...rest]: string[]): string[] => [program, ...ownFlags, ...rest];

async function run(subject: Subject, options: Options): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'soak-'));
  const [listener = 0, admin = 0, control = 0] = await freePorts(3);
  const ports = { listener, admin, control };
  const upstreams = await Upstreams.start();
  const plane = await Control.start(upstreams, ports);
  let proxy: Running | undefined;
  try {
    const file = join(folder, 'proxy.json');
    writeFileSync(file, JSON.stringify(bootstrap(ports)));
    proxy = await start(subject, file, admin, process.pid % 30_000);
    const descriptors = descriptorsOf(proxy.pid);
    const rate = options.rate ?? Math.floor((await mostOf(listener, plane)) / 2);
    console.log(`\nsoak: ${subject.name}, ${options.minutes} min at ${rate} requests/s`);
    const ms = options.minutes * 60_000;
    return await underLoad(subject.name, { ports, upstreams, plane, proxy, rate, ms, descriptors });
  } finally {
    await plane.stop();
    await upstreams.stop();
    await proxy?.stop();
    rmSync(folder, { recursive: true });
  }
}

async function mostOf(port: number, plane: Control): Promise<number> {
  const load = new Load(port, plane);
  const most = await load.most(measuredMs);
  load.close();
  return most;
}

interface Soaking {
  ports: Ports;
  upstreams: Upstreams;
  plane: Control;
  proxy: Running;
  rate: number;
  ms: number;
  /** Descriptors before anything was asked of it. */
  descriptors: number;
}

async function underLoad(name: string, soaking: Soaking): Promise<Outcome> {
  const { ports, upstreams, plane, proxy, rate, ms } = soaking;
  const load = new Load(ports.listener, plane);
  const resources = new Resources(proxy.pid);
  resources.start();
  upstreams.die();
  plane.change();
  await load.steady(rate, ms);
  const counted = await countedOf(ports.admin);
  resources.stop();
  const { memory, descriptors } = resources.growth();
  load.close();
  await plane.rest();
  await wait(restMs);
  const resting = { before: soaking.descriptors, after: descriptorsOf(proxy.pid) };
  const versions = plane.newest();
  return { name, rate, load, deaths: upstreams.deaths, versions, counted, memory, descriptors, resting };
}

async function countedOf(admin: number): Promise<Record<string, number>> {
  const updates = [clusters, routes].flatMap(prefix => [`${prefix}.update_success`, `${prefix}.update_rejected`]);
  const names = [...updates, activeClusters, activeRequests];
  return Object.fromEntries(
    Object.entries(await readStats(admin, names)).map(([name, value]) => [name, Number(value)]),
  );
}

function report(outcomes: Outcome[], minutes: number): void {
  const growth = ({ from, to, slope }: Growth) => `${round(from)} → ${round(to)} (${slope.toFixed(2)} a minute)`;
  const rows: [string, (outcome: Outcome) => string | number][] = [
    ['requests', ({ load }) => load.sent],
    ['not sent, since all connections were busy', ({ load }) => load.dropped],
    ['wrong answers', ({ load }) => sum(load.wrong)],
    ['lost answers', ({ load }) => sum(load.lost)],
    ['p50 ms', ({ load }) => round(quantile(load.latencies, 0.5))],
    ['p99 ms', ({ load }) => round(quantile(load.latencies, 0.99))],
    ['hosts that died', ({ deaths }) => deaths],
    ['versions of the configuration', ({ versions }) => versions],
    ['of them taken: clusters', ({ counted }) => counted[`${clusters}.update_success`] ?? 0],
    ['of them taken: routes', ({ counted }) => counted[`${routes}.update_success`] ?? 0],
    ['clusters at the end', ({ counted }) => counted[activeClusters] ?? 0],
    ['requests under way at the end', ({ counted }) => counted[activeRequests] ?? 0],
    ['private memory, MiB', ({ memory }) => growth(memory)],
    ['descriptors', ({ descriptors }) => growth(descriptors)],
    ['descriptors at rest, before and after', ({ resting }) => `${resting.before} → ${resting.after}`],
  ];
  const rate = outcomes[0]?.rate ?? 0;
  printTable(
    `Soak: ${minutes} min at ${rate} requests/s, hosts die, the configuration changes every second`,
    ['', ...outcomes.map(({ name }) => name)],
    rows.map(([what, pick]) => [what, ...outcomes.map(pick)]),
  );
  for (const { name, load } of outcomes)
    for (const [what, counts] of Object.entries({ wrong: load.wrong, lost: load.lost }))
      for (const [reason, count] of counts) console.log(`  ${name}: ${count} ${what}: ${reason.trimEnd()}`);
}

/** What speaks against ours. @param envoy what it may be compared with */
function failuresOf(own: Outcome, envoy: Outcome | undefined): string[] {
  const { load, counted, versions, memory, resting } = own;
  const lost = sum(load.lost);
  const lostByEnvoy = envoy === undefined ? 0 : sum(envoy.load.lost);
  const refused = (counted[`${clusters}.update_rejected`] ?? 0) + (counted[`${routes}.update_rejected`] ?? 0);
  const taken = counted[`${routes}.update_success`] ?? 0;
  const found: [boolean, string][] = [
    [sum(load.wrong) > 0, `${sum(load.wrong)} answers were wrong`],
    [lost > lostByEnvoy, `${lost} answers were lost${envoy === undefined ? '' : `, and ${lostByEnvoy} by Envoy`}`],
    [refused > 0, `${refused} updates were refused`],
    // The last may be on its way.
    [taken < versions - 1, `of ${versions} versions of the routes ${taken} were taken`],
    [(counted[activeRequests] ?? 0) !== 0, 'requests are under way that were answered'],
    [(counted[activeClusters] ?? 0) > mostClusters, 'clusters are left that were removed'],
    [grew(memory, mostMemoryGrowth), 'memory grows'],
    [resting.after > resting.before + mostDescriptorsMore, 'descriptors are left open'],
  ];
  return found.flatMap(([isFailure, text]) => (isFailure ? [text] : []));
}

const grew = ({ from, to }: Growth, { share, atLeast }: typeof mostMemoryGrowth): boolean =>
  to - from > Math.max(atLeast, from * share);

const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((all, one) => all + one, 0);
