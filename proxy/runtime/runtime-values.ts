/** Runtime values as the data plane sees them: keys whose values can be changed while the proxy runs. */
export interface RuntimeValues {
  /** Grows with each change, so that readers can keep what they read. */
  readonly version: number;
  /** The value of a key as text. */
  get(key: string): string | undefined;
  /** The value of a key as a number, or the default where it has none or is no number. */
  getNumber(key: string, byDefault: number): number;
}

/** A switch with a runtime key that may override it: `true` or `false`, in any case. */
export class RuntimeSwitch {
  readonly #byDefault: boolean;
  readonly #key: string;
  readonly #runtime: RuntimeValues | undefined;

  constructor(byDefault: boolean, key: string, runtime: RuntimeValues | undefined) {
    this.#byDefault = byDefault;
    this.#key = key;
    this.#runtime = key === '' ? undefined : runtime;
  }

  get on(): boolean {
    const said = this.#runtime?.get(this.#key)?.toLowerCase();
    return said === 'true' || said === 'false' ? said === 'true' : this.#byDefault;
  }
}

/** A number with a runtime key that may override it. The key is looked up only after the runtime has changed. */
export class RuntimeNumber {
  readonly #byDefault: number;
  readonly #key: string;
  readonly #runtime: RuntimeValues | undefined;
  #seen = -1;
  #value: number;

  constructor(byDefault: number, key: string, runtime: RuntimeValues | undefined) {
    this.#byDefault = byDefault;
    this.#value = byDefault;
    this.#key = key;
    this.#runtime = key === '' ? undefined : runtime;
  }

  get value(): number {
    const runtime = this.#runtime;
    if (runtime === undefined || runtime.version === this.#seen) return this.#value;
    this.#seen = runtime.version;
    this.#value = runtime.getNumber(this.#key, this.#byDefault);
    return this.#value;
  }
}
