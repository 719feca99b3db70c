/** Which limit a descriptor has: a tree, a level for each entry. */
import type { Entry, Limit } from './limit.ts';

export interface Rule {
  /** Undefined: none for a descriptor that ends here. */
  limit: Limit | 'unlimited' | undefined;
  /** Counts and tells, and refuses nobody. */
  shadow: boolean;
  /** What may follow. */
  next: Rules;
}

/** One level. A value that stands there goes before a beginning of it (`a*`), and that before the key alone. */
export class Rules {
  readonly #exact = new Map<string, Rule>();
  readonly #beginnings = new Map<string, { beginning: string; rule: Rule }[]>();
  readonly #any = new Map<string, Rule>();

  /** @param value undefined: any. Answers false where the same is there already. */
  add(key: string, value: string | undefined, rule: Rule): boolean {
    if (value === undefined) return addTo(this.#any, key, rule);
    if (!value.endsWith('*')) return addTo(this.#exact, exactKey(key, value), rule);
    const beginnings = this.#beginnings.get(key) ?? [];
    const beginning = value.slice(0, -1);
    if (beginnings.some(other => other.beginning === beginning)) return false;
    this.#beginnings.set(key, [...beginnings, { beginning, rule }]);
    return true;
  }

  find({ key, value }: Entry): Rule | undefined {
    const beginnings = this.#beginnings.get(key) ?? [];
    return (
      this.#exact.get(exactKey(key, value)) ??
      beginnings.find(({ beginning }) => value.startsWith(beginning))?.rule ??
      this.#any.get(key)
    );
  }

  /** The rule of a whole descriptor: as in the reference service, one that is deeper or less deep than the tree has none. */
  ruleOf(entries: readonly Entry[]): Rule | undefined {
    let level: Rules = this;
    let found: Rule | undefined;
    for (const entry of entries) {
      found = level.find(entry);
      if (found === undefined) return undefined;
      level = found.next;
    }
    return found;
  }
}

const exactKey = (key: string, value: string): string => JSON.stringify([key, value]);

function addTo(rules: Map<string, Rule>, key: string, rule: Rule): boolean {
  if (rules.has(key)) return false;
  rules.set(key, rule);
  return true;
}
