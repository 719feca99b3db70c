/** What each kind of sandbox takes: the time from joining to a prompt, alone and 50 at once, and memory; beside what others publish. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ProviderName } from '../../server/providers/provider.ts';
import { LabServer } from '../end-to-end/server.ts';
import { outsideOf } from '../isolation/outside.ts';
import { DockerForTests, NoDocker } from '../runner/docker.ts';
import { joinToPrompt } from './join.ts';
import { memoryOf } from './processes.ts';
import { median, printTable, printTarget, quantile, round } from './table.ts';

const usual = { single: 10, crowd: 50 };
/** A small node of a cluster has room for so many. */
const few = { single: 4, crowd: 10 };
const sizesOf = (name: ProviderName) => (name === 'kubernetes' ? few : usual);
/** Sandboxes kept ready, for as many learners one after the other. */
const warm = 5;
const warmPatienceMs = 60_000;
const aims: Record<ProviderName, number> = { local: 300, docker: 1500, kubernetes: 3000 };

/** What the operators of these systems publish; none publishes all. */
const published = [
  ['Instruqt, container / VM', '30,000 / 120,000', '', '', '', ''],
  ['Instruqt, a cluster in a sandbox', '30,000–60,000', '', '', '', ''],
  ['a pod with a cached image', '1,000–2,000', '', '', '', ''],
  ['a micro-VM, to its init', '125–300', '', '', '', ''],
  ['minikube with Istio', 'minutes', '', '', '', '2,048–8,192'],
  ['Educates, each learner', '', '', '', '', '512–1,024'],
  ['JupyterHub, 500 users', '', '', '5,000–7,000 an answer', 'two logins a second', ''],
];

interface Figures {
  cold: number[];
  /** With a sandbox ready beforehand. */
  warm: number[];
  /** Of the joins at once, each from the same start. */
  crowd: number[];
  /** MiB of all processes of a sandbox with one shell, shared pages by their share; NaN where they are not on this machine. */
  memory: number;
}

export async function providers(): Promise<void> {
  const folder = await mkdtemp(joinPath(tmpdir(), 'ub-'));
  const docker = new DockerForTests(joinPath(folder, 'docker'));
  try {
    const rows: string[][] = [];
    for (const [name, bring] of [
      ['local', async () => ({})],
      ['docker', () => docker.get()],
      ['kubernetes', clusterForTests],
    ] as const) {
      const figures = await bring().then(
        environment => withVariables({ ...environment }, () => measure(name)),
        error => explain(name, error as Error),
      );
      if (figures) rows.push(rowOf(name, figures));
    }
    const head = [
      'ms',
      'cold, p50',
      'kept ready, p50',
      `${usual.crowd} at once, p50`,
      'the last of them',
      'MiB a learner',
    ];
    printTable('From joining to a prompt, by kind of sandbox', head, [...rows, ...published]);
  } finally {
    await docker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

class NoCluster extends Error {}

/** The one that the tests may use, with the image on its nodes. Homes last as long as their pods: a bare cluster has no volumes. */
async function clusterForTests(): Promise<Record<string, string>> {
  const { UNICORN_TEST_KUBECONFIG: file, UNICORN_IMAGE: image } = process.env;
  if (!file || !image) throw new NoCluster('UNICORN_TEST_KUBECONFIG names no cluster, or UNICORN_IMAGE no image there');
  return { KUBECONFIG: file, UNICORN_HOMES: 'none' };
}

function explain(name: string, error: Error): undefined {
  if (!(error instanceof NoDocker || error instanceof NoCluster)) throw error;
  console.log(`${name} is left out: ${error.message}`);
}

async function withVariables<T>(variables: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    process.env = before;
  }
}

async function measure(name: ProviderName): Promise<Figures> {
  const { single, crowd } = sizesOf(name);
  const flags = ['--class', '--provider', name, '--maximum-sandboxes', String(single + crowd + 1)];
  const server = await LabServer.start(flags);
  try {
    // The first one waits for the trial of the provider.
    await joinToPrompt(server.learnerUrl, 'first');
    const cold: number[] = [];
    for (let i = 0; i < single; i++) cold.push(await joinToPrompt(server.learnerUrl, `one ${i}`));
    const memory = await memoryOfSandboxes(name, server.data);
    const names = Array.from({ length: crowd }, (_, i) => `many ${i}`);
    const all = await Promise.all(names.map(learner => joinToPrompt(server.learnerUrl, learner)));
    return { cold, warm: await measureWarm(name), crowd: all, memory };
  } finally {
    await server.interrupt();
    await removeHomes(name, server.data);
    await server.stop();
  }
}

async function measureWarm(name: ProviderName): Promise<number[]> {
  const server = await LabServer.start(['--class', '--provider', name, '--warm', String(warm)]);
  try {
    await sparesOf(server.learnerUrl);
    const times: number[] = [];
    for (let i = 0; i < warm; i++) times.push(await joinToPrompt(server.learnerUrl, `warm ${i}`));
    return times;
  } finally {
    await server.interrupt();
    await removeHomes(name, server.data);
    await server.stop();
  }
}

/** Waits until all that are kept ready are. */
async function sparesOf(url: string): Promise<void> {
  for (const until = Date.now() + warmPatienceMs; Date.now() < until; await wait(100)) {
    const metrics = await (await fetch(new URL('/metrics', url))).text();
    if (Number(/^unicorn_spare_sandboxes (\d+)/m.exec(metrics)?.[1]) === warm) return;
  }
  throw new Error(`${warm} sandboxes were not ready in ${warmPatienceMs / 1000} s`);
}

async function removeHomes(name: ProviderName, data: string): Promise<void> {
  if (name === 'kubernetes') return;
  const { makeProvider } = await import('../../server/providers/choose.ts');
  const { defaultSettings } = await import('../../server/settings.ts');
  const provider = await makeProvider(name, { ...defaultSettings(), data });
  for (const home of await (await outsideOf(name, data)).homes()) await provider.removeHome(home);
}

/** The mean of the sandboxes there are: they share the pages of programs, so one alone would seem to take them all. */
async function memoryOfSandboxes(name: ProviderName, data: string): Promise<number> {
  if (name === 'kubernetes') return Number.NaN;
  const outside = await outsideOf(name, data);
  const ids = await outside.sandboxes();
  const pids = (await Promise.all(ids.map(id => outside.processes(id)))).flat();
  const found = pids.map(memoryOf).filter(memory => memory !== null);
  if (found.length === 0) return Number.NaN;
  return found.reduce((sum, { proportional }) => sum + proportional, 0) / 1024 / ids.length;
}

function rowOf(name: ProviderName, { cold, warm: ready, crowd: all, memory }: Figures): string[] {
  const aim = aims[name];
  const { crowd } = sizesOf(name);
  printTarget(`${name}, a prompt in a sandbox kept ready, median`, median(ready), 'under', 200, 'ms');
  printTarget(`${name}, a prompt, median`, median(cold), 'under', aim, 'ms');
  printTarget(`${name}, the last of ${crowd} prompts`, quantile(all, 1), 'under', 20_000, 'ms');
  return [
    `Unicorn, ${name}${crowd === usual.crowd ? '' : ` (${crowd} at once)`}`,
    ...[median(cold), median(ready), median(all), quantile(all, 1), memory].map(value =>
      Number.isNaN(value) ? '' : String(round(value)),
    ),
  ];
}
