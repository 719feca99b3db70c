/** A pseudo-terminal with a shell behind it. */
export interface Pty {
  /** Stops and restarts the reading of output; a program that writes more then waits. */
  pause(): void;
  resume(): void;
  /** Types; resolves when the kernel has taken it, also when the shell is gone. */
  write(bytes: Buffer): Promise<void>;
  /** Bytes typed and not taken yet. */
  readonly waiting: number;
  resize(columns: number, rows: number): void;
  /** Ends the shell: hang up, then kill. */
  kill(): void;
}

export interface PtyHandlers {
  data(chunk: Buffer): void;
  /** All output was delivered and the shell ended; null where the status is not known. */
  exited(status: number | null): void;
}

/** Starts a shell on a new pty. */
export type StartShell = (columns: number, rows: number, handlers: PtyHandlers) => Promise<Pty>;
