import type { Expectation } from '../labs/content.ts';

/** What a check came to: in words, with numbers and units. */
export interface Verdict {
  passed: boolean;
  expected: string;
  found: string;
  /** Closer than the check's own hint. */
  hint?: string | null;
}

/** Something that a check needs is not there; becomes a failed check with these words. */
export class CannotObserve extends Error {
  readonly code = 'cannot-observe';
  readonly expected: string;
  readonly found: string;
  readonly hint: string;
  constructor(expected: string, found: string, hint: string) {
    super(found);
    this.name = 'CannotObserve';
    this.expected = expected;
    this.found = found;
    this.hint = hint;
  }
}

/** Whether a text, or its absence, is what was expected. */
export function meets(expectation: Expectation, value: string | undefined): boolean {
  if (typeof expectation === 'string') return value === expectation;
  if ('present' in expectation) return (value !== undefined) === expectation.present;
  if (value === undefined) return false;
  if ('contains' in expectation) return value.includes(expectation.contains);
  return new RegExp(expectation.matches).test(value);
}

/** `x-request-id present`, `server: envoy` */
export function expectedWords(name: string, expectation: Expectation): string {
  if (typeof expectation === 'string') return `${name}: ${expectation}`;
  if ('present' in expectation) return expectation.present ? `${name} present` : `no ${name}`;
  if ('contains' in expectation) return `${name} with "${expectation.contains}" in it`;
  return `${name} of the form ${expectation.matches}`;
}

/** `server: envoy`, `no server` */
export function foundWords(name: string, value: string | undefined): string {
  return value === undefined ? `no ${name}` : `${name}: ${shorten(value)}`;
}

/** One line, cut where it is too long. */
export function shorten(text: string, maximum = 160): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > maximum ? `${line.slice(0, maximum - 1)}…` : line;
}

/**
 * What the proxy said at the end, as the learner would put it: without the log line's head, and with the name of the learner's file in place of
 * the one that the proxy was given.
 */
export function lastWords(output: string, file: string): string {
  const lines = output.split('\n').filter(line => line.trim() !== '' && !line.startsWith('the proxy ended with'));
  const line = (lines.at(-1) ?? '')
    .replace(/^(\[[^\]]*\])+ */, '')
    .replace(/^error initializing configuration '[^']*': /, '')
    .replace(/(--config-yaml|\/run\/replay\/proxy\.yaml)(?=:)/, file);
  return shorten(line, 300);
}

/** "1 request", "3 requests" */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
