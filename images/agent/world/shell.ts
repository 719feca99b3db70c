import { type ChildProcess, spawn } from 'node:child_process';
import { fstatSync, readFileSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { ReadStream } from 'node:tty';
import type { Pty, PtyHandlers } from '../terminal/pty.ts';
import { lastWords } from './command.ts';
import { receiveDescriptor, resizePty } from './system.ts';
import type { World } from './world.ts';

const startTimeoutMs = 10_000;
const lookAgainMs = 2;
const killAfterMs = 500;
/** Shells read this where there is a Debian and where there is none. */
const shell = ['/bin/bash', '--rcfile', '/etc/bash.bashrc', '-i'];

let started = 0;

/**
 * Starts a shell of the learner's on a pty of the world's own, so that it has a controlling terminal that its programs can name. crun makes the pty
 * inside the world and passes it out over a unix socket.
 */
export async function startShell(world: World, columns: number, rows: number, handlers: PtyHandlers): Promise<Pty> {
  const paths = { socket: join(world.folder, `console-${++started}`), pid: join(world.folder, `shell-${started}.pid`) };
  const size = { consoleSize: { width: columns, height: rows } };
  const flags = ['--console-socket', paths.socket, '--pid-file', paths.pid];
  const { command, done } = await world.command(shell, { user: 'learner', terminal: true }, flags, size);
  const server = await listen(paths.socket);
  try {
    const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
    const descriptor = await receive(server, child);
    resizePty(descriptor, columns, rows);
    return new WorldPty(descriptor, child, await firstPid(paths.pid, child), handlers);
  } finally {
    server.close();
    done();
  }
}

async function listen(path: string): Promise<Server> {
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return server;
}

/** The pty that crun passes; fails when crun ends before. */
async function receive(server: Server, child: ChildProcess): Promise<number> {
  const words = lastWords(child);
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', status => setImmediate(() => reject(new Error(`no shell starts (${status}): ${words()}`))));
  });
  ended.catch(() => {});
  const timeout = AbortSignal.timeout(startTimeoutMs);
  try {
    const descriptor = await Promise.race([ended, passed(server, timeout)]);
    if (!fstatSync(descriptor).isCharacterDevice()) throw new Error('what crun passed is no terminal');
    return descriptor;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

async function passed(server: Server, timeout: AbortSignal): Promise<number> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    server.once('connection', resolve);
    timeout.addEventListener('abort', () => reject(new Error('no shell started in time')));
  });
  try {
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    for (;;) {
      const descriptor = receiveDescriptor(fd);
      if (descriptor !== undefined) return descriptor;
      timeout.throwIfAborted();
      await new Promise(resolve => setTimeout(resolve, lookAgainMs));
    }
  } finally {
    socket.destroy();
  }
}

/** crun notes the shell's process after it passed the pty. */
async function firstPid(file: string, child: ChildProcess): Promise<number | undefined> {
  const deadline = performance.now() + startTimeoutMs;
  while (child.exitCode === null && performance.now() < deadline) {
    const pid = readPid(file);
    if (pid) {
      unlinkSync(file);
      return pid;
    }
    await new Promise(resolve => setTimeout(resolve, lookAgainMs));
  }
  return undefined;
}

function readPid(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

class WorldPty implements Pty {
  readonly #descriptor: number;
  readonly #stream: ReadStream;
  readonly #child: ChildProcess;
  readonly #pid: number | undefined;
  readonly #handlers: PtyHandlers;
  #closed = false;
  #status: number | null | undefined;

  constructor(descriptor: number, child: ChildProcess, pid: number | undefined, handlers: PtyHandlers) {
    this.#descriptor = descriptor;
    this.#child = child;
    this.#pid = pid;
    this.#handlers = handlers;
    this.#stream = new ReadStream(descriptor);
    this.#stream.on('data', (chunk: Buffer) => handlers.data(chunk));
    // EIO is how a pty says that the last program on it ended.
    this.#stream.on('error', () => {});
    this.#stream.on('close', () => {
      this.#closed = true;
      this.#ended();
    });
    if (child.exitCode !== null || child.signalCode !== null) this.#exited();
    else child.once('exit', () => this.#exited());
  }

  get waiting(): number {
    return this.#stream.writableLength;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  write(bytes: Buffer): Promise<void> {
    if (this.#closed || bytes.length === 0) return Promise.resolve();
    return new Promise(resolve => this.#stream.write(bytes, () => resolve()));
  }

  resize(columns: number, rows: number): void {
    if (!this.#closed) resizePty(this.#descriptor, columns, rows);
  }

  kill(): void {
    this.#stream.destroy();
    const timer = setTimeout(() => this.#signal(), killAfterMs);
    this.#child.once('exit', () => clearTimeout(timer));
  }

  /** Programs that go on in the background may hold the pty open: what they still write is not waited for. */
  #exited(): void {
    this.#status = this.#child.exitCode;
    setTimeout(() => this.#stream.destroy(), killAfterMs);
  }

  #ended(): void {
    if (this.#status !== undefined) this.#handlers.exited(this.#status);
    else this.#child.once('exit', status => this.#handlers.exited(status));
  }

  #signal(): void {
    if (this.#status !== undefined || this.#pid === undefined) return;
    try {
      process.kill(this.#pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}
