/**
 * Which coding a response gets where several compressors stand in the chain: all of them are asked, and what the client prefers decides.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/compressor_filter
 */
import type { ResponseHeaders } from '../http/headers.ts';
import type { StreamInfo } from '../stream-info.ts';

/** A compressor that takes part. */
export interface Candidate {
  readonly coding: string;
  /** Preferred where the client likes several alike. */
  readonly chooseFirst: boolean;
  /** Whether it compresses responses of this type. */
  suits(head: ResponseHeaders): boolean;
}

/** The coding, and what led to it. */
export interface Choice {
  coding: string;
  because: 'not-valid' | 'identity' | 'wildcard' | 'valid';
}

const identity = 'identity';

/** The compressors of one stream, in the order of the chain, and their choice once it is made. */
export class EncodingChoice {
  readonly #candidates: Candidate[] = [];
  #choice: Choice | undefined;

  add(candidate: Candidate): void {
    this.#candidates.push(candidate);
  }

  /** Chosen once for each response. */
  choose(accepted: string, head: ResponseHeaders): Choice {
    this.#choice ??= chooseEncoding(
      accepted,
      this.#candidates.filter(candidate => candidate.suits(head)),
    );
    return this.#choice;
  }
}

const choices = new WeakMap<StreamInfo, EncodingChoice>();

/** The choice that the compressors of a stream share. */
export function choiceOf(info: StreamInfo): EncodingChoice {
  const known = choices.get(info);
  if (known !== undefined) return known;
  const made = new EncodingChoice();
  choices.set(info, made);
  return made;
}

/**
 * @param accepted the value of `accept-encoding`
 * @param candidates in the order of the chain
 */
export function chooseEncoding(accepted: string, candidates: readonly Candidate[]): Choice {
  const allowed = new Set(candidates.map(({ coding }) => coding));
  const preferred = candidates.findLast(({ chooseFirst }) => chooseFirst)?.coding;
  const wishes = accepted.split(',').flatMap(readWish);
  for (const { coding, quality } of wishes) if (quality === 0) allowed.delete(coding);
  let best = { coding: identity, quality: 0 };
  if (allowed.size > 0) {
    for (const wish of wishes) {
      const better =
        wish.quality > best.quality || (wish.quality > 0 && wish.quality === best.quality && wish.coding === preferred);
      if (better && (allowed.has(wish.coding) || wish.coding === identity || wish.coding === '*')) best = wish;
    }
  }
  if (best.quality === 0) return { coding: identity, because: 'not-valid' };
  if (best.coding === identity) return { coding: identity, because: 'identity' };
  const [first = identity] = allowed;
  if (best.coding === '*') return { coding: first, because: 'wildcard' };
  return { coding: best.coding, because: 'valid' };
}

/** One wish of the client; none where its quality is no number. */
function readWish(token: string): { coding: string; quality: number }[] {
  if (token === '') return [];
  const [name = '', ...parameters] = token.split(';');
  const coding = name.trim();
  const [key = '', value] = parameters.join(';').split(/=(.*)/s);
  if (value === undefined || key.trim().toLowerCase() !== 'q') return [{ coding, quality: 1 }];
  const quality = Number(value.trim() || 'none');
  return Number.isNaN(quality) ? [] : [{ coding, quality }];
}
