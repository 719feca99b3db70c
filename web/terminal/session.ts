import { effect, type Signal, signal } from '@preact/signals';
import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal } from '@xterm/xterm';
import { ReconnectingSocket, type SocketStatus } from '../api/socket.ts';
import { copyText } from '../parts/clipboard.ts';
import { readerMode, terminalSize, theme } from '../state/preferences.ts';
import { type KeyMeaning, meaningOf } from './keys.ts';
import { decode, encodeAck, encodeInput, encodeResize, inParts, type TerminalEvent } from './messages.ts';
import { silence } from './silence.ts';
import { monospace, terminalTheme } from './theme.ts';
import { OutputWriter } from './writer.ts';

/** What was typed while there was no connection, in bytes; more is refused, and the page says so. */
const inputKept = 4096;
/** How long Escape waits for a Tab before it goes to the shell, where it would turn the next key typed into another. */
const escapeHeldMs = 1000;
const fullReset = '\u001bc';
const encoder = new TextEncoder();

/** Where the keyboard goes when it leaves a terminal. */
export type Leaving = (direction: 'on' | 'back') => void;

/** One terminal of the learner: xterm.js, its connection, and what the page keeps of both. Lives on while its tab is hidden. */
export class TerminalSession {
  readonly name: string;
  readonly element = document.createElement('div');
  readonly terminal: Terminal;
  readonly search = new SearchAddon();
  readonly exited: Signal<number | null> = signal(null);
  readonly searching = signal(false);
  /** What was typed while there was no connection, and is sent when it is there again. */
  readonly kept = signal({ bytes: 0, full: false });
  readonly status: Signal<SocketStatus>;
  readonly #socket: ReconnectingSocket;
  readonly #fit = new FitAddon();
  readonly #writer: OutputWriter;
  readonly #disposals: (() => void)[] = [];
  #leaving: Leaving = () => {};
  #received: number | null = null;
  #kept: Uint8Array[] = [];
  #armed = false;
  #held: number | null = null;
  #asked = { columns: 80, rows: 24 };

  constructor(name: string) {
    this.name = name;
    this.element.className = 'terminal-screen';
    this.terminal = createTerminal();
    for (const addon of [this.#fit, this.search, new WebLinksAddon(openLink)]) this.terminal.loadAddon(addon);
    silence(this.terminal);
    this.#writer = new OutputWriter(
      (bytes, done) => this.terminal.write(bytes, done),
      offset => this.#socket.send(encodeAck(offset)),
    );
    this.#socket = new ReconnectingSocket({
      path: () => this.#path(),
      onOpen: () => this.#opened(),
      onMessage: data => data instanceof ArrayBuffer && this.#receive(decode(data)),
    });
    this.status = this.#socket.status;
    this.#listen();
  }

  /** Puts the terminal on the page. The first time it is drawn there. */
  attach(place: HTMLElement, leaving: Leaving): void {
    this.#leaving = leaving;
    place.append(this.element);
    if (this.terminal.element === undefined) this.terminal.open(this.element);
    this.fit();
  }

  /** Asks for the size that fits its place; the agent tells the one that holds. */
  fit(): void {
    const size = this.#fit.proposeDimensions();
    if (size === undefined || !(size.cols > 1 && size.rows > 0)) return;
    if (size.cols === this.#asked.columns && size.rows === this.#asked.rows) return;
    this.#asked = { columns: size.cols, rows: size.rows };
    if (!this.#socket.send(encodeResize(size.cols, size.rows))) this.terminal.resize(size.cols, size.rows);
  }

  focus(): void {
    this.terminal.focus();
  }

  retry(): void {
    this.#socket.retry();
  }

  /** Copies the selection. */
  async copy(): Promise<void> {
    const text = this.terminal.getSelection();
    if (text !== '' && (await copyText(text))) this.terminal.clearSelection();
  }

  dispose(): void {
    this.#letGo(false);
    this.#socket.close();
    for (const dispose of this.#disposals) dispose();
    this.terminal.dispose();
    this.element.remove();
  }

  #path(): string {
    const query = new URLSearchParams({ columns: `${this.#asked.columns}`, rows: `${this.#asked.rows}` });
    if (this.#received !== null) query.set('resumeFrom', `${this.#received}`);
    return `/api/terminals/${encodeURIComponent(this.name)}?${query}`;
  }

  #listen(): void {
    this.terminal.onData(text => this.#input(encoder.encode(text)));
    this.terminal.onBinary(text => this.#input(Uint8Array.from(text, letter => letter.charCodeAt(0))));
    this.terminal.attachCustomKeyEventHandler(event => this.#key(event));
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const recolour = () => {
      this.terminal.options.theme = terminalTheme(this.status.peek().phase === 'waiting');
    };
    dark.addEventListener('change', recolour);
    this.#disposals.push(
      () => dark.removeEventListener('change', recolour),
      effect(() => {
        if (theme.value !== null && this.status.value.phase !== 'closed') queueMicrotask(recolour);
      }),
      effect(() => {
        this.terminal.options.screenReaderMode = readerMode.value;
      }),
      effect(() => {
        this.terminal.options.fontSize = terminalSize.value;
        queueMicrotask(() => this.fit());
      }),
    );
  }

  #opened(): void {
    this.#socket.send(encodeResize(this.#asked.columns, this.#asked.rows));
    const kept = this.#kept;
    this.#kept = [];
    this.kept.value = { bytes: 0, full: false };
    for (const bytes of kept) this.#sendInput(bytes);
  }

  #input(bytes: Uint8Array): void {
    if (this.#sendInput(bytes)) return;
    const size = this.kept.peek().bytes + bytes.length;
    const full = size > inputKept;
    if (!full) this.#kept.push(bytes);
    this.kept.value = { bytes: full ? this.kept.peek().bytes : size, full };
  }

  /** Sends what was typed or pasted, in parts that the server takes. Answers whether there is a connection. */
  #sendInput(bytes: Uint8Array): boolean {
    return inParts(bytes).every(part => this.#socket.send(encodeInput(part)));
  }

  #receive(event: TerminalEvent | null): void {
    if (event?.type === 'output') {
      this.#received = event.offset + event.bytes.length;
      this.#writer.push(event.offset, event.bytes);
    } else if (event?.type === 'snapshot') this.#restore(event);
    else if (event?.type === 'resize') this.#writer.afterwards(() => this.#resize(event));
    else if (event?.type === 'exit') this.exited.value = event.status;
  }

  #resize({ columns, rows }: { columns: number; rows: number }): void {
    this.terminal.resize(Math.max(2, columns), Math.max(1, rows));
  }

  #restore(event: Extract<TerminalEvent, { type: 'snapshot' }>): void {
    this.#writer.restart(event.offset);
    this.#received = event.offset;
    this.exited.value = null;
    // By way of the output, since what was written before is drawn only then: it would come after the picture, a second time.
    this.terminal.write(fullReset, () => this.#resize(event));
    this.terminal.write(event.bytes, () => this.#socket.send(encodeAck(event.offset)));
  }

  /** Whether xterm.js shall handle a key. */
  #key(event: KeyboardEvent): boolean {
    const meaning = meaningOf(event, { selected: this.terminal.hasSelection(), armed: this.#armed });
    if (meaning === 'browser') return false;
    if (event.type === 'keydown' && event.key !== 'Shift') {
      this.#armed = meaning === 'arm-leaving';
      this.#letGo(meaning !== 'leave' && meaning !== 'leave-back');
      if (meaning === 'arm-leaving' && this.#hold(event)) return false;
    }
    if (meaning === 'shell' || meaning === 'arm-leaving') return true;
    event.preventDefault();
    if (event.type === 'keydown') this.#do(meaning);
    return false;
  }

  /** Keeps an Escape back for a moment; not from a program on the whole screen, such as an editor, which does no harm with it. */
  #hold(event: KeyboardEvent): boolean {
    const plain = !(event.ctrlKey || event.altKey || event.metaKey || event.isComposing);
    if (!plain || this.terminal.buffer.active.type === 'alternate') return false;
    event.preventDefault();
    this.#held = window.setTimeout(() => this.#letGo(true), escapeHeldMs);
    return true;
  }

  #letGo(toShell: boolean): void {
    if (this.#held === null) return;
    clearTimeout(this.#held);
    this.#held = null;
    if (toShell) this.terminal.input('\u001b');
  }

  #do(meaning: KeyMeaning): void {
    if (meaning === 'leave') this.#leaving('on');
    if (meaning === 'leave-back') this.#leaving('back');
    if (meaning === 'copy') void this.copy();
    if (meaning === 'search') this.searching.value = true;
    if (meaning === 'larger') terminalSize.value = Math.min(24, terminalSize.value + 1);
    if (meaning === 'smaller') terminalSize.value = Math.max(10, terminalSize.value - 1);
  }
}

function createTerminal(): Terminal {
  return new Terminal({
    fontFamily: monospace(),
    fontSize: terminalSize.peek(),
    lineHeight: 1.2,
    theme: terminalTheme(),
    scrollback: 5000,
    minimumContrastRatio: 4.5,
    cursorBlink: false,
    convertEol: false,
    allowProposedApi: true,
    rightClickSelectsWord: true,
    macOptionIsMeta: true,
  });
}

/** Links open beside, and learn nothing of us. Only web addresses. */
function openLink(_event: MouseEvent, address: string): void {
  if (/^https?:\/\//.test(address)) open(address, '_blank', 'noopener,noreferrer');
}
