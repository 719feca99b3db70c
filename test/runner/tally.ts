/** What a group of tests came to. */
export interface Tally {
  passed: number;
  failures: Failure[];
  skips: Skip[];
  /** What tests tell beside whether they passed. */
  notes?: string[];
}

export interface Failure {
  name: string;
  /** What went wrong, for a person: an assertion, a tool's output. */
  detail: string;
}

export interface Skip {
  name: string;
  reason: string;
}

/** One more or less check as a tally. */
export function single(name: string, problems: string[]): Tally {
  if (problems.length === 0) return { passed: 1, failures: [], skips: [] };
  return { passed: 0, failures: [{ name, detail: problems.join('\n') }], skips: [] };
}

/** The sum of several. */
export function sum(tallies: Tally[]): Tally {
  return {
    passed: tallies.reduce((total, { passed }) => total + passed, 0),
    failures: tallies.flatMap(({ failures }) => failures),
    skips: tallies.flatMap(({ skips }) => skips),
    notes: tallies.flatMap(({ notes = [] }) => notes),
  };
}

/** The line that closes a run. */
export function closingLine({ passed, failures, skips }: Tally): string {
  return `${passed} passed, ${failures.length} failed, ${skips.length} skipped`;
}
