/** Shares of requests: a fraction, and where it has a runtime key, what the runtime says instead. */
import { FractionalPercent_DenominatorType as Denominator } from '../api/enums.js';
import type { RuntimeFractionalPercent } from '../api/envoy/config/core/v3/base_pb.js';
import type { FractionalPercent } from '../api/envoy/type/v3/percent_pb.js';
import type { RuntimeValues } from './runtime-values.ts';

/** As numbers. */
export const denominators = {
  [Denominator.HUNDRED]: 100,
  [Denominator.TEN_THOUSAND]: 10_000,
  [Denominator.MILLION]: 1_000_000,
};

/** A share as configurations say it. */
export type PercentFraction = Pick<FractionalPercent, 'numerator' | 'denominator'>;

interface Fraction {
  numerator: number;
  denominator: number;
}

/** Decides for each request whether it belongs to a share. */
export class RuntimeFraction {
  readonly #byDefault: Fraction;
  readonly #key: string;
  readonly #runtime: RuntimeValues | undefined;
  #seen = -1;
  #fraction: Fraction;

  /** @param byDefault where it is missing, no request belongs to the share */
  constructor(byDefault: PercentFraction | undefined, key: string, runtime: RuntimeValues | undefined) {
    this.#byDefault = {
      numerator: byDefault?.numerator ?? 0,
      denominator: denominators[byDefault?.denominator ?? Denominator.HUNDRED],
    };
    this.#fraction = this.#byDefault;
    this.#key = key;
    this.#runtime = key === '' ? undefined : runtime;
  }

  /** Of the configuration's message; undefined where there is none. */
  static of(
    fraction: RuntimeFractionalPercent | undefined,
    runtime: RuntimeValues | undefined,
  ): RuntimeFraction | undefined {
    return fraction && new RuntimeFraction(fraction.defaultValue, fraction.runtimeKey, runtime);
  }

  /**
   * @param random a whole number of at least six digits' range, the same for all decisions about one request
   * @param atMost a numerator that makes the share smaller
   */
  includes(random: number, atMost = Number.POSITIVE_INFINITY): boolean {
    const { numerator, denominator } = this.#now();
    return random % denominator < Math.min(numerator, atMost);
  }

  #now(): Fraction {
    const runtime = this.#runtime;
    if (runtime === undefined || runtime.version === this.#seen) return this.#fraction;
    this.#seen = runtime.version;
    this.#fraction = fractionOf(runtime.get(this.#key)) ?? this.#byDefault;
    return this.#fraction;
  }
}

/** A runtime value: a whole number of percent, or a FractionalPercent. */
function fractionOf(text: string | undefined): Fraction | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return { numerator: Number(text), denominator: 100 };
  try {
    const { numerator, denominator } = JSON.parse(text) as { numerator?: unknown; denominator?: unknown };
    const name = String(denominator ?? 'HUNDRED') as keyof typeof Denominator;
    if (typeof numerator === 'number' && name in Denominator)
      return { numerator, denominator: denominators[Denominator[name]] };
  } catch {
    // Not a fraction: as if the key had no value.
  }
  return undefined;
}
