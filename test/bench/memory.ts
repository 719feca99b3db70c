/** What a learner's sandbox takes, with proxy and httpbin running as in lesson 2.6. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Learner } from '../clients/learner.ts';
import { LabServer } from '../end-to-end/server.ts';
import { top } from '../lint/files.ts';
import { allProcesses, commandOf, family, memoryOf, type ProcessMemory } from './processes.ts';
import { printTable, printTarget, round } from './table.ts';

const patience = 60_000;
/** After the requests: the programs give back what they no longer need once they rest. */
const restMs = 40_000;

export async function memory(): Promise<void> {
  const server = await LabServer.start();
  try {
    const before = new Set(allProcesses());
    const learner = await atLesson(server.learnerUrl);
    const keeper = keeperSince(before);
    const atOnce = sandboxProcesses(keeper);
    await wait(restMs);
    report(atOnce, sandboxProcesses(keeper));
    learner.close();
  } finally {
    await server.stop();
  }
}

/** A learner whose httpbin and proxy run and have answered some requests. */
async function atLesson(url: string): Promise<Learner> {
  const learner = await Learner.join(url, 'memory');
  await learner.post('/api/sandbox/start');
  await learner.until('a sandbox', patience, ({ sandbox }) => sandbox.phase === 'ready');
  await learner.putFile('proxy.yaml', readFileSync(join(top, 'labs/lessons/2.6-retries/solution/proxy.yaml'), 'utf8'));
  for (const [name, command] of [
    ['httpbin', 'httpbin'],
    ['proxy', 'proxy -c proxy.yaml'],
  ] as const) {
    const terminal = await learner.terminal(name);
    await terminal.prompt(patience);
    terminal.type(`${command}\r`);
  }
  const shell = await learner.terminal('learner');
  await shell.prompt(patience);
  const done = shell.until('the requests', patience, bytes => bytes.includes('all 50 done'));
  shell.type(
    "until curl -sfo /dev/null proxy:15001/get; do sleep 0.2; done; for i in {1..50}; do curl -so /dev/null proxy:15001/headers; done; echo all 50 'done'\r",
  );
  await done;
  return learner;
}

function keeperSince(before: Set<number>): number {
  const keeper = allProcesses().find(pid => !before.has(pid) && /libexec\/keeper/.test(commandOf(pid)));
  if (keeper === undefined) throw new Error('the keeper of the sandbox was not found');
  return keeper;
}

/** The processes of the sandbox: all below its keeper. */
function sandboxProcesses(keeper: number): ProcessMemory[] {
  const found = family(keeper)
    .map(memoryOf)
    .filter(memory => memory !== null);
  for (const program of ['agent.cjs', 'proxy.cjs', 'httpbin.cjs'])
    if (!found.some(({ command }) => command.includes(program))) throw new Error(`${program} does not run any more`);
  return found;
}

function report(atOnce: ProcessMemory[], resting: ProcessMemory[]): void {
  const name = ({ command }: ProcessMemory) => command.split('/').slice(-2).join('/').slice(0, 48);
  const mebibytes = (kilobytes: number | undefined) => (kilobytes === undefined ? '-' : round(kilobytes / 1024));
  const rows = resting
    .sort((a, b) => b.private - a.private)
    .map(one => [
      name(one),
      mebibytes(atOnce.find(({ pid }) => pid === one.pid)?.private),
      mebibytes(one.private),
      mebibytes(one.proportional),
    ]);
  const total = (all: ProcessMemory[], key: 'private' | 'proportional') => all.reduce((sum, one) => sum + one[key], 0);
  const end = total(resting, 'private');
  rows.push(['all', mebibytes(total(atOnce, 'private')), mebibytes(end), mebibytes(total(resting, 'proportional'))]);
  const title = `Memory of one sandbox with proxy and httpbin, in MiB, after some requests and ${restMs / 1000} s later`;
  printTable(title, ['process', 'private', 'private later', 'PSS later'], rows);
  printTarget('private memory', end / 1024, 'under', 40, 'MiB');
}
