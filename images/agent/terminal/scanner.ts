/**
 * Follows a terminal's output just far enough to know two things: the shell's marks (OSC 133), and where a control sequence or a character
 * begins that is not complete yet, since a picture of the screen is only true at the offset where that begins.
 */

/** A mark of the shell: A the prompt begins, B it ended and the shell waits for input, C a command begins, D it ended. */
export interface ShellMark {
  mark: 'A' | 'B' | 'C' | 'D';
  /** Of D. */
  status: number | null;
}

const escapeByte = 0x1b;
const bell = 0x07;
const cancel = 0x18;
const substitute = 0x1a;
const longestOsc = 64;

type State = 'ground' | 'escape' | 'intermediate' | 'csi' | 'osc' | 'string' | 'utf8';

/** A state machine over bytes; the chunks may be cut anywhere. */
export class OutputScanner {
  readonly #mark: (mark: ShellMark) => void;
  #state: State = 'ground';
  #inString: 'osc' | 'string' | undefined;
  #osc = '';
  #expected = 0;
  #offset = 0;
  #began = 0;

  constructor(mark: (mark: ShellMark) => void) {
    this.#mark = mark;
  }

  /** The offset up to which the output is complete: no sequence and no character is cut there. */
  get complete(): number {
    return this.#state === 'ground' ? this.#offset : this.#began;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'ground') at = this.#ground(bytes, at);
      else this.#step(bytes[at++]!, this.#offset + at - 1);
    }
    this.#offset += bytes.length;
  }

  /** Skips what is plain; answers where to go on. */
  #ground(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length) {
      const byte = bytes[at]!;
      if (byte === escapeByte || byte >= 0xc0) {
        this.#began = this.#offset + at;
        this.#state = byte === escapeByte ? 'escape' : 'utf8';
        this.#inString = undefined;
        this.#expected = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
        return at + 1;
      }
      at++;
    }
    return at;
  }

  #step(byte: number, offset: number): void {
    if (byte === cancel || byte === substitute) this.#state = 'ground';
    else if (byte === escapeByte) this.#escaped(offset);
    else if (this.#state === 'escape') this.#afterEscape(byte);
    else if (this.#state === 'utf8') this.#character(byte);
    else if (this.#state === 'csi') this.#csi(byte);
    else if (this.#state === 'intermediate') {
      if (byte >= 0x30) this.#state = 'ground';
    } else this.#string(byte);
  }

  /** An escape inside a string may be the first half of its end; elsewhere it begins anew. */
  #escaped(offset: number): void {
    this.#inString = this.#state === 'osc' || this.#state === 'string' ? this.#state : undefined;
    if (this.#inString === undefined) this.#began = offset;
    this.#state = 'escape';
  }

  #afterEscape(byte: number): void {
    if (this.#inString === 'osc') this.#finishOsc();
    if (byte === 0x5b) this.#state = 'csi';
    else if (byte === 0x5d) {
      this.#state = 'osc';
      this.#osc = '';
    } else if (byte === 0x50 || byte === 0x58 || byte === 0x5e || byte === 0x5f) this.#state = 'string';
    else if (byte >= 0x20 && byte <= 0x2f) this.#state = 'intermediate';
    else this.#state = 'ground';
    this.#inString = undefined;
  }

  #csi(byte: number): void {
    if (byte >= 0x40 && byte <= 0x7e) this.#state = 'ground';
  }

  #character(byte: number): void {
    if (byte < 0x80 || byte >= 0xc0) this.#state = 'ground';
    else if (--this.#expected === 0) this.#state = 'ground';
  }

  #string(byte: number): void {
    if (byte === bell && this.#state === 'osc') {
      this.#finishOsc();
      this.#state = 'ground';
    } else if (this.#state === 'osc' && this.#osc.length < longestOsc) this.#osc += String.fromCharCode(byte);
  }

  #finishOsc(): void {
    const found = /^133;([ABCD])(?:;(\d{1,3}))?/.exec(this.#osc);
    this.#osc = '';
    if (found)
      this.#mark({ mark: found[1] as ShellMark['mark'], status: found[2] === undefined ? null : Number(found[2]) });
  }
}
