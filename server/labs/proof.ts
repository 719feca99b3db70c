import { setTimeout as delay } from 'node:timers/promises';
import type { CheckState } from '../api.ts';
import type { Agent } from '../checks/agent.ts';
import { judgeAnswer, rightAnswer, runChecks } from '../checks/run.ts';
import type { AnswerCheck, Exercise, NearMiss, QuizCheck, Step, Workshop } from './content.ts';
import { prepareStart, runSteps } from './steps.ts';

/** One thing that was shown of an exercise, or not. */
export interface ProofCase {
  name: string;
  passed: boolean;
  /** What was found where it did not pass. */
  detail: string;
  durationMs: number;
}

/** What was done in the terminals may reach counters and logs a moment later. */
const settleMs = 5000;
const lookAgainMs = 200;

/**
 * Shows in a real sandbox that the checks of an exercise are worth something: they fail at the start, pass after the solution and each other way, and
 * fail by name on each near-miss and each wrong answer.
 */
export class Proof {
  readonly #workshop: Workshop;
  readonly #exercise: Exercise;
  readonly #agent: Agent;
  readonly #signal: AbortSignal;
  readonly #cases: ProofCase[] = [];

  constructor(workshop: Workshop, exercise: Exercise, agent: Agent, signal: AbortSignal) {
    this.#workshop = workshop;
    this.#exercise = exercise;
    this.#agent = agent;
    this.#signal = signal;
  }

  async run(): Promise<ProofCase[]> {
    const { nearMisses, alternatives, checks } = this.#exercise;
    const question = checks.find(check => check.type === 'quiz' || check.type === 'answer');
    await this.runSolution();
    if (question) await this.#case('refuses wrong answers', () => this.#wrongAnswers(question));
    for (const miss of nearMisses) await this.#case(`fails on "${miss.name}"`, () => this.#nearMiss(miss));
    for (const way of alternatives) {
      await this.#case(`passes after "${way.name}"`, async () => {
        await this.#start();
        return this.#after(way.steps);
      });
    }
    return this.#cases;
  }

  /** The shortest way alone: from the start to the solution. */
  async runSolution(): Promise<ProofCase[]> {
    await this.#case('fails before', () => this.#before());
    await this.#case('passes after the solution', () => this.#after(this.#exercise.solution.steps));
    return this.#cases;
  }

  /** @param prove answers what is wrong, or undefined */
  async #case(name: string, prove: () => Promise<string | undefined>): Promise<void> {
    const began = performance.now();
    let detail: string | undefined;
    try {
      detail = await prove();
    } catch (error) {
      this.#signal.throwIfAborted();
      detail = error instanceof Error ? error.message : String(error);
    }
    const durationMs = performance.now() - began;
    this.#cases.push({ name, passed: detail === undefined, detail: detail ?? '', durationMs });
  }

  #context(answer: string | null) {
    return { agent: this.#agent, learner: 'proof', signal: this.#signal, answer };
  }

  async #start(): Promise<void> {
    const { lesson, id } = this.#exercise;
    await prepareStart(this.#workshop, lesson, this.#agent, () => {}, this.#signal, id);
  }

  async #steps(steps: Step[]): Promise<void> {
    await runSteps(steps, this.#agent, () => {}, this.#signal);
  }

  async #before(): Promise<string | undefined> {
    await this.#start();
    const states = await runChecks(this.#exercise, this.#context(null));
    const broken = states.find(state => state.hint?.startsWith('The check could not run'));
    if (broken) return describe(broken);
    return states.every(state => state.state === 'passed') ? 'every check passes before anything was done' : undefined;
  }

  /** Does the steps, answers what is asked, and waits until all checks pass. */
  async #after(steps: Step[]): Promise<string | undefined> {
    await this.#steps(steps);
    const deadline = performance.now() + settleMs;
    for (;;) {
      const answer = (await rightAnswer(this.#exercise, this.#context(null))) ?? null;
      const states = await runChecks(this.#exercise, this.#context(answer));
      const failed = states.filter(state => state.state !== 'passed');
      if (failed.length === 0) return undefined;
      if (performance.now() > deadline) return failed.map(describe).join('\n');
      await delay(lookAgainMs, undefined, { signal: this.#signal });
    }
  }

  async #nearMiss(miss: NearMiss): Promise<string | undefined> {
    await this.#steps([...this.#exercise.solution.steps, ...miss.steps]);
    const states = await runChecks(this.#exercise, this.#context(null));
    const named = states.find(state => state.id === miss.fails);
    if (named?.state === 'failed') return undefined;
    return `the check "${miss.fails}" should fail: ${named ? describe(named) : 'there is none'}`;
  }

  async #wrongAnswers(question: QuizCheck | AnswerCheck): Promise<string | undefined> {
    const right = await rightAnswer(this.#exercise, this.#context(null));
    if (right === undefined) return 'the right answer cannot be found';
    const wrong =
      question.type === 'answer'
        ? [String(Number(right) + 1), '', 'x']
        : question.options.filter(option => !option.right).map(option => option.id);
    for (const value of wrong) {
      const { right: accepted } = await judgeAnswer(this.#exercise, value, this.#context(null));
      if (accepted) return `the wrong answer "${value}" is accepted`;
    }
    return undefined;
  }
}

function describe(state: CheckState): string {
  const words = [`${state.id} ${state.state}`];
  if (state.expected) words.push(`expected ${state.expected}`);
  if (state.found) words.push(`found ${state.found}`);
  if (state.hint) words.push(state.hint);
  return words.join('; ');
}
