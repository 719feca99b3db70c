/** Chooses a host of the subset that a route asks for. */
import type { Host } from '../cluster/host.ts';
import { isObject, type JsonObject } from '../configuration/json.ts';
import type { Picker } from './host-picker.ts';
import type { MetadataCriteria } from './metadata-criteria.ts';
import type { SubsetIndex, SubsetStats } from './subset-index.ts';
import type { Fallback, SubsetSettings } from './subset-settings.ts';

/** What pickers of all subsets share. */
export interface SubsetPickerParts {
  settings: SubsetSettings;
  stats: SubsetStats;
  index: SubsetIndex;
  /** A picker over some of the hosts. */
  pickerOf: (hosts: readonly Host[]) => Picker;
}

const nobody: Picker = () => undefined;
const fallbackList = 'fallback_list';

/**
 * A picker over a snapshot of the hosts and of their health. What a route asks for is resolved once, at its first request.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/subsets
 */
export function makeSubsetPicker(parts: SubsetPickerParts): Picker {
  return new Resolver(parts).picker;
}

class Resolver {
  readonly #parts: SubsetPickerParts;
  readonly #resolved = new Map<MetadataCriteria | undefined, Picker>();
  /** Pickers over hosts: one for each subset, however many routes lead to it. */
  readonly #pickers = new Map<readonly Host[], Picker>();

  constructor(parts: SubsetPickerParts) {
    this.#parts = parts;
  }

  readonly picker: Picker = (hash, attempt, criteria) => {
    let pick = this.#resolved.get(criteria);
    if (pick === undefined) {
      pick = this.#resolveAll(criteria);
      if (!criteria?.once) this.#resolved.set(criteria, pick);
    }
    return pick(hash, attempt);
  };

  /** With the list of what is asked for one after the other, where the cluster lets routes give one. */
  #resolveAll(criteria: MetadataCriteria | undefined): Picker {
    const list = this.#parts.settings.fallbackList ? criteria?.fields.get(fallbackList) : undefined;
    if (criteria === undefined || list === undefined) return this.#resolve(criteria);
    const rest = criteria.only(new Set([...criteria.fields.keys()].filter(key => key !== fallbackList)));
    const wanted = Array.isArray(list) ? list : [];
    if (wanted.length === 0) return this.#resolve(rest);
    const picks = wanted.map(one => this.#resolve(rest.overriddenBy(isObject(one) ? one : ({} as JsonObject))));
    return (hash, attempt) => {
      for (const pick of picks) {
        const host = pick(hash, attempt);
        if (host !== undefined) return host;
      }
      return undefined;
    };
  }

  #resolve(criteria: MetadataCriteria | undefined): Picker {
    const { index, stats, settings } = this.#parts;
    const subset = criteria === undefined ? undefined : index.find(criteria.key);
    if (subset !== undefined) {
      const pick = subset.single ? () => subset.hosts[0] : this.#over(subset.hosts);
      return (hash, attempt = 0) => {
        // A choice is counted once, however many hosts are refused.
        if (attempt === 0) stats.selected.increment();
        return pick(hash, attempt);
      };
    }
    const own = criteria === undefined ? undefined : this.#fallbackOf([...criteria.fields.keys()]);
    if (own !== undefined) return this.#fallBack(own, criteria!);
    return settings.fallback === 'none' ? nobody : this.#fallBackOnCluster(settings.fallback);
  }

  #fallBack(fallback: Fallback, criteria: MetadataCriteria): Picker {
    if (fallback === 'none') return nobody;
    if (typeof fallback === 'object') return this.#resolve(criteria.only(fallback.keys));
    return this.#over(this.#parts.index.hostsOf(fallback));
  }

  #fallBackOnCluster(fallback: 'any' | 'default'): Picker {
    const { index, stats, settings } = this.#parts;
    const pick = this.#over(index.hostsOf(fallback));
    const panicPick = settings.panicModeAny ? this.#over(index.hostsOf('any')) : nobody;
    return (hash, attempt = 0) => {
      const host = pick(hash, attempt);
      if (host !== undefined) {
        if (attempt === 0) stats.fallback.increment();
        return host;
      }
      const any = panicPick(hash, attempt);
      if (any !== undefined && attempt === 0) stats.fallbackPanic.increment();
      return any;
    };
  }

  /**
   * What the selector with just these keys says. As in Envoy, one that comes after another whose keys begin with all of its own
   * says nothing.
   * @param keys sorted
   */
  #fallbackOf(keys: readonly string[]): Fallback | undefined {
    if (keys.length === 0) return undefined;
    const found = this.#parts.settings.selectors.find(selector => keys.every((key, i) => selector.keys[i] === key));
    return found?.keys.length === keys.length ? found.fallback : undefined;
  }

  #over(hosts: readonly Host[]): Picker {
    let pick = this.#pickers.get(hosts);
    if (pick === undefined) {
      pick = this.#parts.pickerOf(hosts);
      this.#pickers.set(hosts, pick);
    }
    return pick;
  }
}
