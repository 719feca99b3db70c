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
    process.stderr.write(terminal ? `\r\x1b[K${text}${end}` : `${text}${end || ' …\n'}`);
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

/**
 * Runs a command and resolves with its status and the end of what it printed.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<{ status: number, output: string }>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    const take = (/** @type {Buffer} */ bytes) => {
      output = (output + bytes).slice(-keptOutput);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status: status ?? (signal ? 1 : 0), output }));
  });
}
