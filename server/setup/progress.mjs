/** What the person at the terminal sees of the set-up. All of it goes to standard error: standard output belongs to the program. */
import { spawn } from 'node:child_process';

/** A set-up that cannot go on: what is wrong, and what to do, for the person at the terminal. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {string} [remedy]
   */
  constructor(message, remedy) {
    super(message);
    this.name = 'SetupError';
    this.remedy = remedy;
  }
}

/** How often something that takes long says so, in milliseconds: a terminal's line is redrawn, a log gets a line. */
const interval = { terminal: 1000, log: 20_000 };

/**
 * Runs one step of the set-up and shows that it runs, for how long, and how it ended.
 * @template T
 * @param {string} title
 * @param {() => Promise<T>} run
 * @param {() => string} [detail] how far it is, in words
 * @returns {Promise<T>}
 */
export async function step(title, run, detail = () => '') {
  const started = Date.now();
  const terminal = process.stderr.isTTY;
  const show = (/** @type {string} */ end) => {
    const seconds = Math.round((Date.now() - started) / 1000);
    const text = [`  ${title}`, detail(), seconds > 0 ? `${seconds} s` : ''].filter(part => part !== '').join(', ');
    // a line that wraps cannot be redrawn
    const fits = text.slice(0, (process.stderr.columns || 80) - 1 - end.trimEnd().length);
    process.stderr.write(terminal ? `\r\x1b[K${fits}${end}` : `${text}${end || ' …\n'}`);
  };
  show('');
  const timer = setInterval(show, terminal ? interval.terminal : interval.log, '');
  try {
    const result = await run();
    clearInterval(timer);
    show(': done\n');
    return result;
  } catch (error) {
    clearInterval(timer);
    show(': failed\n');
    throw error;
  }
}

/** The most of a command's output that is kept to be shown when it fails, in characters. */
const keptOutput = 20_000;
const endings = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * Runs a command and resolves with its status and the end of what it printed. Whoever ends this process meanwhile ends the command first: a set-up that goes
 * on unseen would be in the way of the next one.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions & { whole?: boolean }} [options] `whole`: ended at once, with all that it started, since nothing of what it
 *   makes counts before it is whole
 * @returns {Promise<{ status: number, output: string }>}
 */
export function run(command, args, { whole = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    /** @type {NodeJS.Signals | undefined} */
    let ending;
    const end = (/** @type {NodeJS.Signals} */ signal) => {
      ending ??= signal;
      if (child?.pid) tell(whole ? -child.pid : child.pid, whole ? 'SIGKILL' : signal);
    };
    for (const signal of endings) process.on(signal, end);
    const release = () => {
      for (const signal of endings) process.off(signal, end);
      if (ending) endAsTold(ending);
    };
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: whole, ...options });
    let output = '';
    const take = (/** @type {Buffer} */ bytes) => {
      output = (output + bytes).slice(-keptOutput);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.on('error', error => {
      release();
      reject(error);
    });
    child.on('close', (status, signal) => {
      release();
      resolve({ status: status ?? (signal ? 1 : 0), output });
    });
  });
}

/**
 * @param {number} target negative: a group
 * @param {NodeJS.Signals} signal
 */
function tell(target, signal) {
  try {
    process.kill(target, signal);
  } catch {
    // gone already; or root's, by sudo, which then ends by itself
  }
}

/** @param {NodeJS.Signals} signal */
function endAsTold(signal) {
  process.stderr.write('\nThe set-up was stopped. The next start goes on with it.\n');
  process.kill(process.pid, signal);
}
