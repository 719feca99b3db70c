/** Runtime values: layers of keys that can be changed while the proxy runs. The last layer that has a key wins. */
import type { StatsStore } from '../stats/store.ts';
import { isObject, type Json, type JsonObject } from './json.ts';

/** One layer. */
interface Layer {
  name: string;
  values: Map<string, string>;
}

/** The layers of `layered_runtime`, in order. */
export class Runtime {
  readonly #layers: Layer[];
  readonly #admin: Layer | undefined;
  readonly #stats: StatsStore;
  #version = 0;

  /** Takes the bootstrap in canonical JSON. Without layered_runtime there is one layer that /runtime_modify writes to, as in Envoy. */
  constructor(document: JsonObject, stats: StatsStore) {
    this.#stats = stats;
    const configured = isObject(document.layered_runtime) ? document.layered_runtime.layers : undefined;
    const layers = Array.isArray(configured) ? configured.filter(isObject) : [];
    this.#layers = layers.map(layer => ({ name: String(layer.name), values: flatten(layer.static_layer) }));
    this.#admin = this.#layers[layers.findIndex(layer => layer.admin_layer !== undefined)];
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
    return true;
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
    this.#stats.counter('runtime.load_success').increment();
  }
}

/** Nested keys are joined by dots; a fraction with numerator and denominator is one value. */
function flatten(layer: Json | undefined, prefix = '', values = new Map<string, string>()): Map<string, string> {
  if (!isObject(layer)) return values;
  for (const [key, value] of Object.entries(layer)) {
    const name = `${prefix}${key}`;
    if (isObject(value) && !('numerator' in value)) flatten(value, `${name}.`, values);
    else values.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return values;
}
