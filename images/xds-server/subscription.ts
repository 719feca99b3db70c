/** What one stream is told of one kind, by either protocol: a request comes, what is there is answered. */
import type { Held } from './snapshot.ts';

/** A request, as far as both protocols have the same in it. */
export interface Received {
  /** What the request says to the last answer; undefined: it asks, and answers nothing. */
  verdict: { version: string; refused: string | undefined } | undefined;
  /** The names that it asks for now, where it did not before; empty with `all`. */
  asked: string[];
  /** It asks for whatever there is. */
  all: boolean;
  /** It is to be answered. */
  isQuestion: boolean;
}

/** What is sent. */
export interface Answer {
  bytes: Uint8Array;
  names: string[];
  removed: string[];
}

export interface Subscription {
  /** The version that the client last said yes to; '' for none. */
  readonly accepted: string;
  /**
   * What is there, for the client; undefined where there is nothing to tell.
   * @param again what it has been told before is told once more
   */
  answer(held: Held, nonce: string, again: boolean): Answer | undefined;
}

/** Whether the names, of a kind where none means all, mean all. */
export const meansAll = (names: ReadonlySet<string>, wildcard: boolean): boolean =>
  wildcard && (names.size === 0 || names.has('*'));
