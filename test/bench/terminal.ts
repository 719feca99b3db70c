/** How fast output reaches the page's end, and how fast Ctrl-C stops a flood. */
import { Learner } from '../clients/learner.ts';
import type { Terminal } from '../clients/terminal.ts';
import { LabServer } from '../end-to-end/server.ts';
import { median, printTable, printTarget, round } from './table.ts';

const patience = 120_000;
const megabytes = 50;
const rounds = 3;

export async function terminal(): Promise<void> {
  const server = await LabServer.start();
  try {
    const learner = await Learner.join(server.learnerUrl, 'flood');
    await learner.post('/api/sandbox/start');
    await learner.until('a sandbox', patience, ({ sandbox }) => sandbox.phase === 'ready');
    const shell = await learner.terminal('learner');
    await shell.prompt(patience);
    const speeds: number[] = [];
    const stops: number[] = [];
    for (let i = 0; i < rounds; i++) {
      speeds.push(await speed(shell));
      stops.push(await stop(shell));
    }
    printTable(
      'A terminal under a flood, medians of three',
      ['', 'figure', 'unit'],
      [
        [`${megabytes} MB of lines, agent to page`, round(median(speeds)), 'MB/s'],
        ['Ctrl-C during `yes` until the prompt', round(median(stops)), 'ms'],
      ],
    );
    printTarget('Ctrl-C', median(stops), 'under', 200, 'ms');
    learner.close();
  } finally {
    await server.stop();
  }
}

async function speed(shell: Terminal): Promise<number> {
  const before = shell.received;
  const started = performance.now();
  shell.type(`yes 'a line of output as programs print it, with some words in it' | head -c ${megabytes}000000\r`);
  await shell.until('the output', patience, () => shell.received - before > megabytes * 1e6);
  const took = performance.now() - started;
  await shell.prompt(patience);
  return (shell.received - before) / 1e6 / (took / 1000);
}

async function stop(shell: Terminal): Promise<number> {
  const before = shell.received;
  const flooded = shell.until('a flood', patience, () => shell.received - before > 5e6);
  shell.type('yes\r');
  await flooded;
  const started = performance.now();
  shell.type('\x03');
  await shell.prompt(patience);
  return performance.now() - started;
}
