/** Decides what may pass: by the limits of a configuration, which may change, and by what came before. */
import type { Configuration } from './configuration.ts';
import type { Counters } from './counters.ts';
import type { Entry, Limit } from './limit.ts';
import type { Descriptor, Question, Status } from './messages.ts';

/** About one descriptor of a question. */
export interface Decision {
  domain: string;
  entries: readonly Entry[];
  status: Status;
  /** In the window that is open; 0 where there is no limit. */
  count: number;
  reason: 'counted' | 'shadow' | 'unlimited' | 'no limit' | 'other domain';
}

/** A question that cannot be answered. */
export class QuestionError extends Error {
  readonly code = 'question';
}

/** "Unlimited" in numbers, as the reference service says it. */
const noEnd = 2 ** 32 - 1;
const passes: Status = { over: false, limit: undefined, remaining: 0, untilReset: 0 };

export class Decisions {
  configuration: Configuration;
  readonly #counters: Counters;
  readonly #now: () => number;

  /** @param now seconds on the clock */
  constructor(configuration: Configuration, counters: Counters, now: () => number = () => Date.now() / 1000) {
    this.configuration = configuration;
    this.#counters = counters;
    this.#now = now;
  }

  /**
   * One decision for each descriptor, in order; all of them are counted, even if one is over its limit.
   * @throws QuestionError
   */
  decide({ domain, descriptors, hits }: Question): Decision[] {
    if (domain === '') throw new QuestionError('rate limit domain must not be empty');
    if (descriptors.length === 0) throw new QuestionError('rate limit descriptor list must not be empty');
    const now = this.#now();
    return descriptors.map(descriptor => this.#decideOne(domain, descriptor, descriptor.hits ?? (hits || 1), now));
  }

  #decideOne(domain: string, { entries, limit: wanted }: Descriptor, hits: number, now: number): Decision {
    const said = { domain, entries, status: passes, count: 0 };
    if (domain !== this.configuration.domain) return { ...said, reason: 'other domain' };
    const rule = wanted === undefined ? this.configuration.rules.ruleOf(entries) : undefined;
    const limit = wanted ?? rule?.limit;
    if (limit === undefined) return { ...said, reason: 'no limit' };
    if (limit === 'unlimited') return { ...said, status: { ...passes, remaining: noEnd }, reason: 'unlimited' };
    const key = JSON.stringify([domain, ...entries.map(({ key, value }) => [key, value])]);
    const { count, untilReset } = this.#counters.add(key, hits, limit.unit, now);
    const shadow = rule?.shadow ?? false;
    const status = { over: count > limit.requestsPerUnit && !shadow, limit, remaining: left(limit, count), untilReset };
    return { ...said, status, count, reason: shadow ? 'shadow' : 'counted' };
  }
}

const left = ({ requestsPerUnit }: Limit, count: number): number => Math.max(0, requestsPerUnit - count);
