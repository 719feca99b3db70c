/** How long a learner waits from joining to a prompt. */
import { Learner } from '../clients/learner.ts';
import { LabServer } from '../end-to-end/server.ts';
import { printTable, printTarget, quantile, round } from './table.ts';

const learners = 20;
const patience = 180_000;

/** Milliseconds from the click on "join" until the shell waits at its prompt. */
export async function joinToPrompt(url: string, name: string): Promise<number> {
  const started = performance.now();
  const learner = await Learner.join(url, name);
  await learner.post('/api/sandbox/start');
  await learner.until('a sandbox', patience, ({ sandbox }) => sandbox.phase === 'ready');
  const terminal = await learner.terminal('learner');
  await terminal.prompt(patience);
  const took = performance.now() - started;
  learner.close();
  return took;
}

export async function join(): Promise<void> {
  const server = await LabServer.start(['--class', '--maximum-sandboxes', String(learners + 1)]);
  try {
    const cold = await joinToPrompt(server.learnerUrl, 'first');
    const warm: number[] = [];
    for (let i = 0; i < learners; i++) warm.push(await joinToPrompt(server.learnerUrl, `learner ${i}`));
    printTable(
      'From joining to a prompt, in ms',
      ['', 'joins', 'p50', 'p90', 'max'],
      [
        ['the first one after the start', 1, round(cold), '', ''],
        ['later ones, one after the other', warm.length, ...[0.5, 0.9, 1].map(share => round(quantile(warm, share)))],
      ],
    );
    printTarget('a prompt, median', quantile(warm, 0.5), 'under', 300, 'ms');
  } finally {
    await server.stop();
  }
}
