/** What is compared of a listener's configuration, in canonical JSON, when another one comes. */
import type { Json, JsonObject } from '../configuration/json.ts';

/** Of each filter chain, then of the default one. */
export function chainTextsOf({ filter_chains: chains, default_filter_chain: fallback }: JsonObject): string[] {
  const texts = (Array.isArray(chains) ? chains : []).map(chain => JSON.stringify(chain));
  return fallback === undefined ? texts : [...texts, JSON.stringify(fallback)];
}

/** Of all but its filter chains, whatever the order of lists is, as in Envoy: where only these differ, the others go on with their connections. */
export function wholeTextOf({ filter_chains: _, default_filter_chain: __, ...whole }: JsonObject): string {
  return unordered(whole);
}

const unordered = (whole: Json): string =>
  JSON.stringify(whole, (_key, value: Json) => (Array.isArray(value) ? value.map(unordered).sort() : value));
