import { Failure } from '../failure.ts';
import type { Terminal } from './terminal.ts';

const interruptKey = '\x03';
/** On a slow machine a second Ctrl-C may reach the shell when its prompt is there, and take the first letter that is typed then. */
const interruptAgainMs = 1000;
const emptyLineMs = 2000;
const firstPromptMs = 5000;

export interface RunOptions {
  command: string;
  wait: 'typed' | 'prompt';
  promptTimeoutMs: number;
  timeoutMs: number;
}

/** Types a command at the prompt; see `terminal.run`. */
export async function run(terminal: Terminal, options: RunOptions, signal: AbortSignal): Promise<number | null> {
  const { prompt } = terminal;
  await terminal.start();
  await claim(terminal, options.promptTimeoutMs, signal);
  try {
    await emptyLine(terminal, signal);
    await terminal.settled();
  } finally {
    prompt.claimed = false;
  }
  const before = prompt.prompts;
  prompt.taken();
  await terminal.type(`${pasted(terminal, options.command)}\r`);
  if (options.wait === 'typed') return null;
  const back = await prompt.wait(state => state.ended || state.prompts > before, options.timeoutMs, signal);
  if (!back) throw new Failure('timed-out', `the command did not end within ${options.timeoutMs} ms`);
  return prompt.ended ? terminal.exitStatus : prompt.lastStatus;
}

/** Waits for the prompt and takes it; of several that wait, one gets it. */
async function claim({ prompt }: Terminal, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!prompt.atPrompt || prompt.claimed) {
    const left = Math.max(0, deadline - performance.now());
    if (!(await prompt.wait(state => state.atPrompt && !state.claimed, left, signal)))
      throw new Failure('busy', 'the terminal is busy: its shell is not at the prompt');
  }
  prompt.claimed = true;
}

/** What somebody typed and did not send is dropped, in the way they would. */
async function emptyLine(terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { prompt } = terminal;
  if (!prompt.typed) return;
  const before = prompt.prompts;
  await terminal.type(interruptKey);
  if (!(await prompt.wait(state => state.prompts > before, emptyLineMs, signal)))
    throw new Failure('busy', 'the terminal is busy: something was typed at its prompt');
}

/** Several lines go as one paste, so that the shell takes them as one. */
function pasted(terminal: Terminal, command: string): string {
  const text = command.replace(/[\r\n]+$/, '').replaceAll('\x1b', '');
  return text.includes('\n') && terminal.bracketedPaste ? `\x1b[200~${text}\x1b[201~` : text.replaceAll('\n', '\r');
}

/**
 * Presses Ctrl-C until the shell is at its prompt; see `terminal.interrupt`. A shell that still starts is waited for: Ctrl-C would end its start-up
 * files, and with them the marks that tell of its prompts.
 */
export async function interrupt(terminal: Terminal, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const { prompt } = terminal;
  const deadline = performance.now() + timeoutMs;
  const first = Math.min(timeoutMs, firstPromptMs);
  if (prompt.starting) await prompt.wait(state => !state.starting || state.ended, first, signal);
  while (!prompt.atPrompt && !prompt.ended) {
    const left = deadline - performance.now();
    if (left <= 0 || signal.aborted) throw new Failure('busy', 'the program in the terminal does not end on Ctrl-C');
    await terminal.type(interruptKey);
    await prompt.wait(state => state.atPrompt || state.ended, Math.min(left, interruptAgainMs), signal);
  }
}
