/** How long a typed character takes until its echo is back at the page's end, with one sandbox and with many. */
import { setTimeout as wait } from 'node:timers/promises';
import { terminalMessage } from '../../images/agent/protocol/terminal.ts';
import { Learner } from '../clients/learner.ts';
import type { Terminal } from '../clients/terminal.ts';
import { LabServer } from '../end-to-end/server.ts';
import { printTable, printTarget, quantile, round } from './table.ts';

const patience = 120_000;
const many = 50;
/** Everybody types for so long, a key each so often, in milliseconds: a quick typist. */
const typing = { total: 10_000, interval: 200 };

export async function keystroke(): Promise<void> {
  const server = await LabServer.start(['--class', '--maximum-sandboxes', String(many)]);
  const learners: Learner[] = [];
  try {
    const rows: (string | number)[][] = [];
    let last: number[] = [];
    for (const count of [1, many]) {
      const terminals = await openTerminals(server.learnerUrl, learners, count);
      last = (await Promise.all(terminals.map(typeKeys))).flat();
      rows.push([count, last.length, ...[0.5, 0.9, 0.99, 1].map(share => round(quantile(last, share)))]);
    }
    printTable(
      `A keystroke and its echo, in ms, each learner typing ${1000 / typing.interval} keys a second`,
      ['sandboxes', 'keys', 'p50', 'p90', 'p99', 'max'],
      rows,
    );
    printTarget(`p99 with ${many} sandboxes`, quantile(last, 0.99), 'under', 20, 'ms');
  } finally {
    for (const learner of learners) learner.close();
    await server.stop();
  }
}

/** One terminal of each learner; more learners join until there are enough. */
async function openTerminals(url: string, learners: Learner[], count: number): Promise<Terminal[]> {
  while (learners.length < count) {
    const learner = await Learner.join(url, `typist ${learners.length}`);
    learners.push(learner);
    await learner.post('/api/sandbox/start');
    await learner.until('a sandbox', patience, ({ sandbox }) => sandbox.phase === 'ready');
  }
  return Promise.all(
    learners.map(async learner => {
      const terminal = await learner.terminal('learner');
      await terminal.prompt(patience);
      return terminal;
    }),
  );
}

/** Types and deletes a character in turns; answers how long each echo took. */
async function typeKeys(terminal: Terminal): Promise<number[]> {
  await wait(Math.random() * typing.interval);
  const times: number[] = [];
  const until = performance.now() + typing.total;
  for (let i = 0; performance.now() < until; i++) {
    const started = performance.now();
    const echo = terminal.until('an echo', patience, (_, type) => type === terminalMessage.output);
    terminal.type(i % 2 === 0 ? 'x' : '\x7f');
    await echo;
    times.push(performance.now() - started);
    await wait(Math.max(0, typing.interval - times.at(-1)!));
  }
  return times;
}
