import type { TerminalStatus } from '../protocol/messages.ts';
import { FlowControl } from './flow.ts';
import { PromptState } from './prompt.ts';
import type { Pty, StartShell } from './pty.ts';
import { OutputRing } from './ring.ts';
import { OutputScanner } from './scanner.ts';
import { Screen, type Snapshot } from './screen.ts';
import { Viewer, type ViewerChannel } from './viewer.ts';

/** Output that a viewer can resume from. More than `highWater`, so that it holds all that an active viewer was not sent. */
const kept = 1024 * 1024;
/** Answers to queries are dropped while as much typed input waits: a program that only asks would fill it. */
const mostReplies = 4096;
const mostSizes = 64;
const leaveAlternate = '\x18\x1b[?1049l';
/** Ends what a program that was killed may have left on: mouse reports, bracketed paste, application keys, a hidden cursor. */
const restore = '\x18\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b>\x1b[!p\x1b[?25h';

export interface TerminalEvents {
  /** Prompt, exit, or size changed. */
  state(): void;
  commandEnded(status: number | null): void;
}

export interface Size {
  columns: number;
  rows: number;
}

const clamp = (value: number, least: number, most: number): number =>
  Math.min(Math.max(Math.trunc(value), least), most);

/** A size that a screen can have. */
export function allowedSize({ columns, rows }: Size): Size {
  return { columns: clamp(columns, 2, 500), rows: clamp(rows, 1, 200) };
}

/**
 * A terminal of the learner's: a shell on a pty, the screen it has drawn, and those who watch. When its shell ends it stays readable, says so in its
 * output, and starts a new shell when somebody presses Enter (or `terminal.run` needs one). Offsets go on over shells.
 */
export class Terminal {
  readonly name: string;
  readonly viewers = new Set<Viewer>();
  readonly ring = new OutputRing(kept);
  readonly prompt = new PromptState();
  columns: number;
  rows: number;
  exitStatus: number | null = null;
  /** When somebody last typed, as `performance.now` counts. */
  typedAt = Number.NEGATIVE_INFINITY;
  readonly #startShell: StartShell;
  readonly #events: TerminalEvents;
  readonly #screen: Screen;
  readonly #flow: FlowControl;
  #scanner = new OutputScanner(mark => this.#marked(mark));
  #sizes: (Size & { offset: number })[] = [];
  #pty: Pty | undefined;
  #starting: Promise<void> | undefined;
  #shell = 0;
  #closed = false;

  constructor(name: string, size: Size, startShell: StartShell, events: TerminalEvents) {
    this.name = name;
    ({ columns: this.columns, rows: this.rows } = allowedSize(size));
    this.#noteSize({ offset: 0, columns: this.columns, rows: this.rows });
    this.#startShell = startShell;
    this.#events = events;
    this.#screen = new Screen(this.columns, this.rows, reply => this.#reply(reply));
    const { viewers } = this;
    const backlog = (): number => this.#screen.backlog;
    this.#flow = new FlowControl({
      viewers,
      get backlog() {
        return backlog();
      },
      pause: () => this.#pty?.pause(),
      resume: () => this.#pty?.resume(),
    });
  }

  get atPrompt(): boolean {
    return this.prompt.atPrompt;
  }

  get bracketedPaste(): boolean {
    return this.#screen.bracketedPaste;
  }

  status(): TerminalStatus {
    const { name: terminal, columns, rows, atPrompt, exitStatus } = this;
    return { terminal, columns, rows, atPrompt, exitStatus, offset: this.ring.end };
  }

  /** Starts a shell if none runs. */
  async start(): Promise<void> {
    if (this.#pty || this.#closed) return;
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    await this.#starting;
  }

  async #start(): Promise<void> {
    const shell = ++this.#shell;
    this.exitStatus = null;
    this.prompt.started();
    const size = { columns: this.columns, rows: this.rows };
    const pty = await this.#startShell(size.columns, size.rows, {
      data: chunk => shell === this.#shell && this.#output(chunk),
      exited: status => shell === this.#shell && this.#exited(status),
    });
    if (this.#closed || shell !== this.#shell) {
      pty.kill();
      return;
    }
    this.#pty = pty;
    if (this.columns !== size.columns || this.rows !== size.rows) pty.resize(this.columns, this.rows);
    this.#flow.reset();
    this.#events.state();
    this.#pumpAll();
  }

  /** Forgets the shell, which is about to be ended with its world. */
  suspend(): void {
    this.#abandon();
    this.#say('The sandbox is made anew.');
  }

  /** Adds a viewer. A size of zero leaves the terminal's as it is. */
  attach(channel: ViewerChannel, size: Size, resumeFrom: number | undefined): Viewer {
    const viewer = new Viewer(channel, this);
    this.viewers.add(viewer);
    this.askSize(viewer, size);
    viewer.begin(resumeFrom);
    this.#flow.update();
    return viewer;
  }

  detach(viewer: Viewer): void {
    viewer.leave();
    this.viewers.delete(viewer);
    this.#flow.update();
  }

  /** The last active viewer has its size. */
  askSize(viewer: Viewer, size: Size): void {
    if (size.columns === 0 || size.rows === 0) return;
    const allowed = allowedSize(size);
    viewer.columns = allowed.columns;
    viewer.rows = allowed.rows;
    this.#resize(allowed);
  }

  /** What a viewer typed. Resolves when the kernel has taken it. */
  async input(viewer: Viewer, bytes: Buffer): Promise<void> {
    this.typedAt = performance.now();
    if (viewer.columns > 0) this.#resize(viewer);
    if (!this.#pty) {
      if (bytes.includes(0x0d)) await this.start();
      return;
    }
    this.prompt.typed = true;
    await this.#pty.write(bytes);
  }

  acknowledge(viewer: Viewer, offset: number): void {
    viewer.acknowledge(offset);
    this.#flow.update();
  }

  /** Resolves when the output that has come by now counts in `bracketedPaste`. */
  async settled(): Promise<void> {
    await this.#screen.settled();
  }

  /** Types on behalf of the server. */
  async type(text: string): Promise<void> {
    await this.#pty?.write(Buffer.from(text));
  }

  /** A picture to draw elsewhere. */
  async snapshot(): Promise<Snapshot> {
    return await this.#screen.snapshot();
  }

  async text(): Promise<string> {
    return await this.#screen.text();
  }

  /** Ends the shell; nothing is kept. */
  close(): void {
    this.#closed = true;
    this.#abandon();
    this.#flow.stop();
    this.#screen.dispose();
  }

  sizeAt(offset: number): Size & { until: number } {
    const at = Math.max(
      0,
      this.#sizes.findLastIndex(size => size.offset <= offset),
    );
    return { ...this.#sizes[at]!, until: this.#sizes[at + 1]?.offset ?? Number.POSITIVE_INFINITY };
  }

  #abandon(): void {
    this.#shell++;
    const pty = this.#pty;
    this.#pty = undefined;
    this.prompt.exited();
    pty?.kill();
  }

  #resize(size: Size): void {
    const { columns, rows } = size;
    if (columns === this.columns && rows === this.rows) return;
    this.columns = columns;
    this.rows = rows;
    this.#noteSize({ offset: this.ring.end, columns, rows });
    this.#screen.resize(columns, rows);
    this.#pty?.resize(columns, rows);
    this.#events.state();
    this.#pumpAll();
  }

  #noteSize(size: Size & { offset: number }): void {
    const first = this.#sizes.findLastIndex(one => one.offset <= this.ring.start);
    const others = this.#sizes.slice(Math.max(0, first)).filter(one => one.offset !== size.offset);
    this.#sizes = [...others.slice(-mostSizes), size];
  }

  #output(chunk: Buffer): void {
    this.ring.append(chunk);
    this.#scanner.push(chunk);
    this.#screen.write(chunk, this.#scanner.complete, () => this.#flow.update());
    this.#pumpAll();
    this.#flow.update();
  }

  #pumpAll(): void {
    for (const viewer of this.viewers) viewer.pump();
  }

  #marked(mark: Parameters<PromptState['mark']>[0]): void {
    const before = this.prompt.atPrompt;
    if (this.prompt.mark(mark)) this.#events.commandEnded(mark.status);
    // A command that the server typed took the prompt before the shell says that it runs it.
    if (mark.mark === 'C' || before !== this.prompt.atPrompt) this.#events.state();
  }

  #exited(status: number | null): void {
    this.#pty = undefined;
    this.exitStatus = status ?? -1;
    this.prompt.exited();
    const how = status === null ? '' : ` with status ${status}`;
    this.#say(`The shell ended${how}. Press Enter for a new one.`);
    this.#events.state();
  }

  #say(words: string): void {
    const leave = this.#screen.alternate ? leaveAlternate : '';
    this.#output(Buffer.from(`${leave}${restore}\r\n\x1b[2m[${words}]\x1b[0m\r\n`));
  }

  #reply(text: string): void {
    const pty = this.#pty;
    if (pty && pty.waiting < mostReplies) void pty.write(Buffer.from(text));
  }
}
