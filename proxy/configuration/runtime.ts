/** Runtime values: layers of keys that can be changed while the proxy runs. The last layer that has a key wins. */
import type { StatsStore } from '../stats/store.ts';
import { isObject, type Json, type JsonObject } from './json.ts';

/** One layer. */
interface Layer {
  name: string;
  values: Map<string, string>;
}

/** What a load counts: there are no files that override values. */
const loadCounters = ['load_success', 'override_dir_not_exists'];

/** What was changed: overrides of the admin interface, or all that a layer has. */
export type RuntimeChange =
  | { kind: 'runtime'; changes: readonly (readonly [string, string])[] }
  | { kind: 'runtime-layer'; name: string; values: JsonObject };

/** The layers of `layered_runtime`, in order. */
export class Runtime {
  readonly #layers: Layer[];
  readonly #admin: Layer | undefined;
  readonly #stats: StatsStore;
  readonly #onChange: ((change: RuntimeChange) => void) | undefined;
  #version = 0;

  /**
   * Without layered_runtime there are no layers, and nothing can be changed.
   * @param document the bootstrap in canonical JSON
   * @param onChange hears of each change
   * @throws Error for a value that is none
   */
  constructor(document: JsonObject, stats: StatsStore, onChange?: (change: RuntimeChange) => void) {
    this.#onChange = onChange;
    this.#stats = stats;
    const configured = isObject(document.layered_runtime) ? document.layered_runtime.layers : undefined;
    const layers = Array.isArray(configured) ? configured.filter(isObject) : [];
    this.#layers = layers.map(layer => ({ name: String(layer.name), values: flatten(layer.static_layer) }));
    this.#admin = this.#layers[layers.findIndex(layer => layer.admin_layer !== undefined)];
    // Envoy has loaded it twice before it serves.
    for (const name of loadCounters) this.#stats.counter(`runtime.${name}`).increment();
    for (const name of ['load_error', 'override_dir_exists', 'deprecated_feature_use'])
      stats.counter(`runtime.${name}`);
    stats.gauge('runtime.deprecated_feature_seen_since_process_start');
    this.#updateStats();
  }

  /** Grows with each change, so that readers can keep what they read. */
  get version(): number {
    return this.#version;
  }

  /** The value of a key, as text. */
  get(key: string): string | undefined {
    for (let index = this.#layers.length - 1; index >= 0; index--) {
      const value = this.#layers[index]!.values.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** The value of a key as a number, or the default where it has none or is no number. */
  getNumber(key: string, byDefault: number): number {
    const text = key === '' ? undefined : this.get(key);
    const value = text === undefined || text === '' ? Number.NaN : Number(text);
    return Number.isNaN(value) ? byDefault : value;
  }

  /** Sets overrides; an empty value removes one. False where no layer can be changed. */
  modify(changes: Iterable<readonly [string, string]>): boolean {
    if (!this.#admin) return false;
    for (const [key, value] of changes) {
      if (value === '') this.#admin.values.delete(key);
      else this.#admin.values.set(key, value);
    }
    this.#updateStats();
    this.#onChange?.({ kind: 'runtime', changes: [...changes] });
    return true;
  }

  /**
   * Replaces what a layer has.
   * @param name of the layer
   * @throws Error for a value that is none: what was there before stays
   */
  setLayer(name: string, values: JsonObject): void {
    const layer = this.#layers.find(one => one.name === name);
    if (layer === undefined) throw new Error(`there is no runtime layer '${name}'`);
    layer.values = flatten(values);
    this.#updateStats();
    this.#onChange?.({ kind: 'runtime-layer', name, values });
  }

  /** What /runtime shows. */
  dump(): { entries: Record<string, { final_value: string; layer_values: string[] }>; layers: string[] } {
    const keys = [...new Set(this.#layers.flatMap(({ values }) => [...values.keys()]))].sort();
    const entries = keys.map(key => {
      const layerValues = this.#layers.map(({ values }) => values.get(key) ?? '');
      return [key, { final_value: this.get(key) ?? '', layer_values: layerValues }] as const;
    });
    return { entries: Object.fromEntries(entries), layers: this.#layers.map(({ name }) => name) };
  }

  #updateStats(): void {
    this.#version++;
    const keys = new Set(this.#layers.flatMap(({ values }) => [...values.keys()]));
    this.#stats.gauge('runtime.num_keys').set(keys.size);
    this.#stats.gauge('runtime.num_layers').set(this.#layers.length);
    this.#stats.gauge('runtime.admin_overrides_active').set(this.#admin && this.#admin.values.size > 0 ? 1 : 0);
    for (const name of loadCounters) this.#stats.counter(`runtime.${name}`).increment();
  }
}

/** Nested keys are joined by dots; a fraction with numerator and denominator is one value. @throws Error for a list, which is none */
function flatten(layer: Json | undefined, prefix = '', values = new Map<string, string>()): Map<string, string> {
  if (!isObject(layer)) return values;
  for (const [key, value] of Object.entries(layer)) {
    const name = `${prefix}${key}`;
    if (isObject(value) && !('numerator' in value)) flatten(value, `${name}.`, values);
    else if (Array.isArray(value) || value === null) throw new Error(`Invalid runtime entry value for ${name}`);
    else values.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return values;
}
