import { SerializeAddon } from '@xterm/addon-serialize';
import xterm from '@xterm/headless';

/** Lines of scroll-back that a snapshot can bring back. */
const scrollback = 1000;
/** A snapshot must fit into the credit of a stream on which nothing is under way. */
export const largestSnapshot = 240 * 1024;

export interface Snapshot {
  /** How much of the output the picture shows. */
  offset: number;
  columns: number;
  rows: number;
  bytes: Buffer;
}

/** What xterm keeps to itself and a true picture needs. */
interface Internals {
  coreService?: { isCursorHidden?: boolean };
  coreMouseService?: { activeEncoding?: string };
  buffer?: { scrollTop: number; scrollBottom: number };
}

/**
 * The picture that a terminal's output has drawn so far, kept by a terminal without a window. It alone answers the queries of programs (device
 * attributes, cursor position): terminals of viewers must keep silent.
 */
export class Screen {
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  readonly #serializer = new SerializeAddon();
  #waiting: (() => void)[] = [];
  #backlog = 0;
  #drawn = 0;

  /** @param reply gets the answers to queries, to be typed into the pty */
  constructor(columns: number, rows: number, reply: (bytes: string) => void) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, scrollback, allowProposedApi: true });
    this.#terminal.loadAddon(this.#serializer as never);
    this.#terminal.onData(reply);
  }

  /** Bytes that were written and are not drawn yet. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Whether a program such as an editor has the whole screen. */
  get alternate(): boolean {
    return this.#terminal.buffer.active.type === 'alternate';
  }

  get bracketedPaste(): boolean {
    return this.#terminal.modes.bracketedPasteMode;
  }

  /**
   * Draws more output.
   * @param complete the offset of the terminal's output up to which, after these bytes, no sequence is cut
   */
  write(bytes: Buffer, complete: number, drawn: () => void): void {
    this.#backlog += bytes.length;
    this.#terminal.write(bytes, () => {
      this.#backlog -= bytes.length;
      this.#drawn = complete;
      for (const then of this.#waiting.splice(0)) then();
      drawn();
    });
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
  }

  /** Resolves when all output so far is drawn. */
  async settled(): Promise<void> {
    if (this.#backlog > 0) await new Promise<void>(resolve => this.#waiting.push(resolve));
  }

  /** A picture to draw elsewhere, as soon as one can be taken. */
  async snapshot(): Promise<Snapshot> {
    if (this.#backlog > 0) return new Promise(resolve => this.#waiting.push(() => resolve(this.#picture())));
    return this.#picture();
  }

  /** Screen and scroll-back as plain text; lines that were wrapped are whole. */
  async text(): Promise<string> {
    if (this.#backlog > 0) return new Promise(resolve => this.#waiting.push(() => resolve(this.#plain())));
    return this.#plain();
  }

  dispose(): void {
    this.#terminal.dispose();
  }

  #picture(): Snapshot {
    const { cols: columns, rows } = this.#terminal;
    return { offset: this.#drawn, columns, rows, bytes: this.#draw() };
  }

  /** Leaves out scroll-back, then colours, where the picture would be too large. */
  #draw(): Buffer {
    for (let lines = scrollback; ; lines = lines > 20 ? Math.floor(lines / 4) : 0) {
      const bytes = Buffer.from(this.#serializer.serialize({ scrollback: lines }) + this.#furtherModes());
      if (bytes.length <= largestSnapshot) return bytes;
      if (lines === 0) break;
    }
    return Buffer.from(this.#plain().replaceAll('\n', '\r\n')).subarray(-largestSnapshot);
  }

  #furtherModes(): string {
    const { coreService, coreMouseService, buffer } = (this.#terminal as unknown as { _core: Internals })._core;
    const { cursorX, cursorY } = this.#terminal.buffer.active;
    const region = buffer && (buffer.scrollTop > 0 || buffer.scrollBottom < this.#terminal.rows - 1);
    const { originMode, mouseTrackingMode } = this.#terminal.modes;
    let modes = '';
    if (region && !originMode)
      modes += `\x1b[${buffer.scrollTop + 1};${buffer.scrollBottom + 1}r\x1b[${cursorY + 1};${cursorX + 1}H`;
    if (coreService?.isCursorHidden) modes += '\x1b[?25l';
    if (mouseTrackingMode !== 'none' && coreMouseService?.activeEncoding === 'SGR') modes += '\x1b[?1006h';
    return modes;
  }

  #plain(): string {
    const { active } = this.#terminal.buffer;
    const lines: string[] = [];
    for (let row = 0; row < active.length; row++) {
      const line = active.getLine(row);
      if (!line) continue;
      const wraps = active.getLine(row + 1)?.isWrapped ?? false;
      const text = line.translateToString(!wraps);
      if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    while (lines.at(-1) === '') lines.pop();
    return lines.join('\n');
  }
}
