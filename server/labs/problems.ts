import { relative } from 'node:path';

/** One mistake in the content, at its place, with what to do about it. */
export interface Problem {
  file: string;
  /** Counted from 1. */
  line: number;
  message: string;
  remedy: string;
}

/** The content has mistakes; all of them are named. */
export class ContentError extends Error {
  readonly code = 'invalid-content';
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(problem => formatProblem(problem)).join('\n'));
    this.name = 'ContentError';
    this.problems = problems;
  }
}

/** `labs/lessons/2.6-retries/lesson.yaml:12: unknown key "minute". Did you mean "minutes"?` */
export function formatProblem(problem: Problem, base: string = process.cwd()): string {
  return `${relative(base, problem.file) || problem.file}:${problem.line}: ${problem.message}. ${problem.remedy}`;
}

/** Collects the mistakes in a folder's content, so that an author sees all of them at once. */
export class Problems {
  readonly folder: string;
  readonly found: Problem[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  add(file: string, line: number, message: string, remedy: string): void {
    this.found.push({ file, line, message, remedy });
  }

  /** @throws ContentError when there is any. */
  throwIfAny(): void {
    if (this.found.length > 0) throw new ContentError(this.found);
  }
}
