import { exitMessage, outputMessage, promptMessage, resizeMessage, snapshotMessage } from './messages.ts';
import type { OutputRing } from './ring.ts';
import { largestSnapshot, type Snapshot } from './screen.ts';

/** Where a viewer's messages go: a stream with credit. */
export interface ViewerChannel {
  /** Bytes that may be sent now. */
  readonly credit: number;
  send(message: Buffer): void;
}

/** What a viewer looks at. */
export interface Viewed {
  readonly ring: OutputRing;
  readonly columns: number;
  readonly rows: number;
  readonly atPrompt: boolean;
  readonly exitStatus: number | null;
  /** The size that held at `offset`, and the offset at which the next one begins to hold (infinite without one). */
  sizeAt(offset: number): { columns: number; rows: number; until: number };
  snapshot(): Promise<Snapshot>;
}

const largestOutput = 64 * 1024;
const outputHead = 9;
/** Less is not worth a message while more is to come. */
const smallestOutput = 1024;

/**
 * One viewer of a terminal: a cursor into its output. It is `active` (follows), `waiting` (for a snapshot), or `behind` (was too slow for the
 * others; gets a snapshot once it has dealt with what it was sent).
 */
export class Viewer {
  /** The size this viewer asked for; zero where it takes what there is. */
  columns = 0;
  rows = 0;
  readonly #channel: ViewerChannel;
  readonly #viewed: Viewed;
  #state: 'active' | 'waiting' | 'behind' = 'waiting';
  #sent = 0;
  #acknowledged = 0;
  #taking = false;
  #gone = false;
  #told: { atPrompt?: boolean; exitStatus?: number | null; columns?: number; rows?: number } = {};

  constructor(channel: ViewerChannel, viewed: Viewed) {
    this.#channel = channel;
    this.#viewed = viewed;
  }

  /** Bytes of output that this viewer has not put on its screen, as far as others wait for it. */
  get lag(): number {
    return this.#state === 'active' ? this.#viewed.ring.end - this.#acknowledged : 0;
  }

  /** Whether it follows the output as it comes. */
  get follows(): boolean {
    return this.#state === 'active';
  }

  /** Begins with the output from `resumeFrom` where that is still here, else with a snapshot. */
  begin(resumeFrom: number | undefined): void {
    const { ring } = this.#viewed;
    if (resumeFrom !== undefined && resumeFrom >= ring.start && resumeFrom <= ring.end) {
      this.#sent = resumeFrom;
      this.#acknowledged = resumeFrom;
      this.#state = 'active';
    }
    this.pump();
  }

  acknowledge(offset: number): void {
    if (offset > this.#sent || offset <= this.#acknowledged) return;
    this.#acknowledged = offset;
    if (this.#state === 'behind' && offset >= this.#sent) this.#state = 'waiting';
    this.pump();
  }

  /** Stops following until this viewer has caught up. */
  cutOff(): void {
    if (this.#state === 'active') this.#state = this.#acknowledged >= this.#sent ? 'waiting' : 'behind';
    this.pump();
  }

  leave(): void {
    this.#gone = true;
  }

  /** Sends what there is and may be sent. */
  pump(): void {
    if (this.#gone) return;
    if (this.#state === 'waiting') this.#takeSnapshot();
    if (this.#state !== 'active') return;
    while (this.#sendOutput()) {
      // As long as there is credit.
    }
    if (this.#state === 'active' && this.#sent === this.#viewed.ring.end) this.#sendStates();
  }

  #takeSnapshot(): void {
    if (this.#taking || this.#channel.credit < largestSnapshot + 13) return;
    this.#taking = true;
    this.#viewed.snapshot().then(snapshot => {
      this.#taking = false;
      if (this.#gone) return;
      this.#channel.send(snapshotMessage(snapshot));
      this.#sent = snapshot.offset;
      this.#acknowledged = snapshot.offset;
      this.#told = { columns: snapshot.columns, rows: snapshot.rows };
      this.#state = 'active';
      this.pump();
    });
  }

  #sendOutput(): boolean {
    const { ring } = this.#viewed;
    const size = this.#viewed.sizeAt(this.#sent);
    if (this.#sent < ring.end && !this.#sendSize(size)) return false;
    const there = Math.min(size.until - this.#sent, ring.end - this.#sent, largestOutput);
    const may = Math.min(there, this.#channel.credit - outputHead);
    if (may <= 0 || (may < there && may < smallestOutput)) return false;
    const bytes = ring.read(this.#sent, may);
    if (!bytes) {
      this.#state = 'waiting';
      this.#takeSnapshot();
      return false;
    }
    this.#channel.send(outputMessage(this.#sent, bytes));
    this.#sent += bytes.length;
    return true;
  }

  #sendSize({ columns, rows }: { columns: number; rows: number }): boolean {
    if (this.#told.columns === columns && this.#told.rows === rows) return true;
    if (!this.#send(resizeMessage(columns, rows))) return false;
    this.#told.columns = columns;
    this.#told.rows = rows;
    return true;
  }

  #sendStates(): void {
    const { columns, rows, atPrompt, exitStatus } = this.#viewed;
    if (!this.#sendSize({ columns, rows })) return;
    if (this.#told.atPrompt !== atPrompt && this.#send(promptMessage(atPrompt))) this.#told.atPrompt = atPrompt;
    if ((this.#told.exitStatus ?? null) === exitStatus) return;
    if (exitStatus === null || this.#send(exitMessage(exitStatus))) this.#told.exitStatus = exitStatus;
  }

  #send(message: Buffer): boolean {
    if (this.#channel.credit < message.length) return false;
    this.#channel.send(message);
    return true;
  }
}
