/**
 * All tests of the repo:
 *
 *     npm test [-- [--verbose] [NAME]]     NAME: a group, or a part of test files' paths
 *
 * Closes with `N passed, N failed, N skipped`; the status is 0 when none failed.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DockerForTests } from './runner/docker.ts';
import { choose, type Group, groups } from './runner/groups.ts';
import { Leftovers } from './runner/leftovers.ts';
import { closingLine, single, sum, type Tally } from './runner/tally.ts';

const usage = "npm test [-- [--verbose] [NAME]]     NAME: a group, or a part of test files' paths";
const { values, positionals } = readArguments();
const filter = positionals[0] ?? '';
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());

/** A short path: sockets are made below it, and their paths may have 107 bytes. */
const folder = mkdtempSync(join(tmpdir(), 'ut-'));
process.env.UNICORN_PICTURES ??= join(tmpdir(), 'unicorn-pictures');
process.env.TMPDIR = folder;
process.env.XDG_DATA_HOME = join(folder, 'data');
const leftovers = new Leftovers(folder);

const docker = new DockerForTests(join(folder, 'docker'));
const tallies: Tally[] = [];
for (const group of choose(await groups(docker), filter)) {
  if (!stop.signal.aborted) tallies.push(await report(group));
}
await docker.stop();
tallies.push(
  await report({ name: 'leftovers', run: async () => single('nothing is left behind', await leftovers.clear()) }),
);

const total = sum(tallies);
console.log(`\n${closingLine(total)}`);
process.exit(total.failures.length > 0 || stop.signal.aborted ? 1 : 0);

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { verbose: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    });
    if (!values.help && positionals.length <= 1) return { values, positionals };
    console.log(usage);
    process.exit(values.help ? 0 : 2);
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}

async function report(group: Group): Promise<Tally> {
  const started = Date.now();
  process.stdout.write(`${group.name} …\n`);
  const onLine = (line: string) => {
    if (values.verbose) console.log(`  ${line}`);
  };
  const tally = await attempt(group, onLine);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  for (const { name, detail } of tally.failures) console.log(`\nFAILED ${name}\n${indent(detail)}\n`);
  for (const { name, reason } of tally.skips) console.log(`  skipped ${name}: ${reason}`);
  for (const note of tally.notes ?? []) console.log(`  noted ${note}`);
  console.log(`  ${closingLine(tally)} (${seconds} s)`);
  return tally;
}

/** A group that cannot even run has failed. */
async function attempt(group: Group, onLine: (line: string) => void): Promise<Tally> {
  try {
    return await group.run({ signal: stop.signal, onLine }, group.files);
  } catch (error) {
    return single(group.name, [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
