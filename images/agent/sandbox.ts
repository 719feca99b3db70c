import { chownSync, lstatSync, mkdirSync, renameSync, statfsSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { boxPaths, worldOffset, worldPaths, worldUsers } from '../box/specification.ts';
import { EventBus } from './events/bus.ts';
import { HomeWatch } from './events/home-watch.ts';
import { LimitWatch } from './events/limit-watch.ts';
import { listenForTraffic, TrafficBatch, tellsOfChange } from './events/traffic.ts';
import { Failure } from './failure.ts';
import type { AgentEvent, Methods } from './protocol/messages.ts';
import { Terminals } from './terminal/terminals.ts';
import { fingerprint } from './world/processes.ts';
import { startShell } from './world/shell.ts';
import { World } from './world/world.ts';

const lookMs = 1000;
const fullFrom = 0.99;
const roomFrom = 0.95;
const limitMessages = {
  memory: 'A program took more memory than the sandbox has, and was ended.',
  processes:
    'No more processes can be started: the sandbox has as many as it may have. End some, or reset the exercise.',
  disk: 'Your home is full: remove files to go on.',
};
const learner = worldUsers.learner + worldOffset;

/** The sandbox as the agent sees it: the world, its terminals, and what happens there. */
export class Sandbox {
  readonly world: World;
  readonly terminals: Terminals;
  readonly events: EventBus;
  readonly end: () => void;
  readonly #home = new HomeWatch(boxPaths.home, path => this.events.changed('files', path));
  readonly #traffic = new TrafficBatch((requests, dropped) => {
    this.events.send({ type: 'traffic', requests, dropped });
    this.events.changed('traffic');
  });
  readonly #limits = new LimitWatch();
  #looking: NodeJS.Timeout | undefined;
  #processes = '';
  #diskFull = false;
  #telling = false;

  /**
   * @param folder a folder of the agent's own
   * @param send tells every connected server
   * @param end ends the agent and with it the sandbox
   */
  constructor(folder: string, send: (event: AgentEvent) => void, end: () => void) {
    this.world = new World(folder);
    this.events = new EventBus(send);
    this.end = end;
    this.terminals = new Terminals((columns, rows, handlers) => startShell(this.world, columns, rows, handlers), {
      changed: () => this.#tellTerminals(),
      commandEnded: () => this.events.changed('terminal'),
    });
  }

  /** Starts the world, and listens for the proxy's reports. */
  async start(): Promise<void> {
    const events = listenForTraffic(join(boxPaths.events, 'events.sock'), line => this.#heard(line));
    await Promise.all([this.world.ready(), events]);
  }

  #heard(line: string): void {
    if (tellsOfChange(line)) this.events.changed('configuration');
    else this.#traffic.add(line);
  }

  /** Looks for changes only while somebody wants to know. */
  watch(wanted: boolean): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
    this.#home.stop();
    if (!wanted) return;
    this.#home.start();
    this.#looking = setInterval(() => this.#look(), lookMs);
  }

  /** See the method `reset`. */
  async reset(files: string[]): Promise<Methods['reset']['result']> {
    if (!Array.isArray(files) || files.some(file => typeof file !== 'string'))
      throw new Failure('invalid', 'files must be a list of paths');
    const kept = keep(files);
    await this.terminals.through(() => this.world.renew());
    this.events.changed('processes');
    return { kept };
  }

  #look(): void {
    const met = this.#limits.met();
    if (!this.world.alive()) {
      this.#worldDied();
      return;
    }
    for (const resource of met) this.events.send({ type: 'limit', resource, message: limitMessages[resource] });
    const { pid } = this.world;
    if (pid === undefined) return;
    const processes = fingerprint(pid);
    if (processes !== this.#processes) this.events.changed('processes');
    this.#processes = processes;
    this.#lookAtDisk();
  }

  #worldDied(): void {
    const message =
      'The sandbox ran out of memory and all programs in it were ended. It was started again; files are as they were.';
    this.events.send({ type: 'limit', resource: 'memory', message });
    this.terminals
      .through(() => this.world.renew())
      .catch(error => console.error(`the world could not be made again: ${error.message}`));
  }

  #lookAtDisk(): void {
    const { blocks, bavail } = statfsSync(boxPaths.home);
    const used = 1 - bavail / blocks;
    if (used >= fullFrom && !this.#diskFull) {
      this.#diskFull = true;
      this.events.send({ type: 'limit', resource: 'disk', message: limitMessages.disk });
    } else if (used < roomFrom) this.#diskFull = false;
  }

  /** Once for all that changed in one turn. */
  #tellTerminals(): void {
    if (this.#telling) return;
    this.#telling = true;
    setImmediate(() => {
      this.#telling = false;
      this.events.send({ type: 'terminals', terminals: this.terminals.list() });
    });
  }
}

/** Moves the named files of the home, where they are there, to `~/kept/TIME/`. Only plain paths below the home; links in the way are not followed. */
function keep(files: string[]): { from: string; to: string }[] {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  const kept: { from: string; to: string }[] = [];
  for (const file of files) {
    const from = posix.relative(worldPaths.home, posix.resolve(worldPaths.home, file));
    if (from === '' || from.startsWith('..')) throw new Failure('invalid', `${file} is not in the home`);
    if (!isPlain(from)) continue;
    const to = posix.join('kept', time, from);
    ownFolders(dirname(to));
    renameSync(join(boxPaths.home, from), join(boxPaths.home, to));
    kept.push({ from, to });
  }
  return kept;
}

/** Whether it is a regular file on a way of folders. */
function isPlain(path: string): boolean {
  const parts = path.split('/');
  return parts.every((_, at) => {
    const stats = lstatSync(join(boxPaths.home, ...parts.slice(0, at + 1)), { throwIfNoEntry: false });
    return at === parts.length - 1 ? (stats?.isFile() ?? false) : (stats?.isDirectory() ?? false);
  });
}

function ownFolders(path: string): void {
  if (path === '.') return;
  ownFolders(dirname(path));
  const full = join(boxPaths.home, path);
  const stats = lstatSync(full, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return;
  if (stats) throw new Failure('refused', `${path} is in the way`);
  mkdirSync(full);
  chownSync(full, learner, learner);
}
