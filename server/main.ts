import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { helpText, readCommandLine } from './command-line.ts';
import { StartError } from './errors.ts';
import type { TellProgress } from './providers/provider.ts';
import type { Running } from './serve.ts';
import type { Settings } from './settings.ts';

/** `npm start`: the lab server, and `npm start -- doctor`. */
async function main(): Promise<void> {
  const { command, json, file, replace, settings } = await readCommandLine(process.argv.slice(2), process.env);
  if (command === 'help') process.stdout.write(helpText());
  else if (command === 'doctor') process.exitCode = await doctor(settings, json);
  else if (command === 'serve') await run(settings, json);
  else await keep(command, settings, file, replace);
}

async function keep(command: 'backup' | 'restore', settings: Settings, file: string, replace: boolean): Promise<void> {
  const { backUp, restoreFrom } = await import('./backup.ts');
  const rows = command === 'backup' ? await backUp(settings, file) : await restoreFrom(settings, file, replace);
  process.stdout.write(`${rows} rows ${command === 'backup' ? 'written to' : 'restored from'} ${file}\n`);
}

async function doctor(settings: Settings, json: boolean): Promise<number> {
  const { examine } = await import('./doctor.ts');
  return examine(settings, json);
}

async function run(settings: Settings, json: boolean): Promise<void> {
  // What was compiled is kept beside the packages: the second start is much quicker.
  enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/server'));
  const [{ serve }, { chooseProvider }, { startText, reportText }] = await Promise.all([
    import('./serve.ts'),
    import('./providers/choose.ts'),
    import('./start-text.ts'),
  ]);
  const running = await serve(settings, chooseProvider, tellStep);
  endOnSignals(running, json);
  if (json)
    process.stdout.write(`${JSON.stringify({ learner: running.learnerUrl, instructor: running.instructorUrl })}\n`);
  else process.stdout.write(startText(running, settings));
  const trouble = reportText(await running.report);
  if (trouble) process.stderr.write(trouble);
}

/** What is being made ready, which may take a minute, for the person at the terminal. */
const tellStep: TellProgress = (step, detail) =>
  void process.stderr.write(`  ${[step, detail].filter(Boolean).join(', ')}\n`);

/** SIGINT ends everything, SIGTERM and SIGHUP let the sandboxes live for the next server. A second one does not wait. */
function endOnSignals(running: Running, json: boolean): void {
  let endingSince: number | null = null;
  const end = async (keep: boolean, signal: NodeJS.Signals) => {
    // one Ctrl-C may come twice: from the terminal, and once more from npm
    if (endingSince !== null && Date.now() - endingSince < 1000) return;
    if (endingSince !== null) process.exit(130);
    endingSince = Date.now();
    if (!json && !keep) process.stdout.write('\nEnding the sandboxes. Progress and files are kept.\n');
    await running.close(keep);
    process.exit(signal === 'SIGINT' || keep ? 0 : 1);
  };
  process.on('SIGINT', signal => void end(false, signal));
  process.on('SIGTERM', signal => void end(true, signal));
  process.on('SIGHUP', signal => void end(true, signal));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`${error.message}\n${error.remedy ? `\nWhat to do: ${error.remedy}\n` : ''}`);
  process.exitCode = error.exitCode;
}
