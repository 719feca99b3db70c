/** Headers that the configuration adds and removes. */
import { HeaderValueOption_HeaderAppendAction as Action } from '../api/enums.js';
import type { HeaderValueOption } from '../api/envoy/config/core/v3/base_pb.js';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { StreamInfo } from '../stream-info.ts';
import { type Formatter, makeFormatter } from './value-format.ts';

export interface HeaderMutation {
  add: readonly HeaderValueOption[];
  remove: readonly string[];
}

/** One level of additions and removals (route, virtual host, route configuration), parsed once. */
export class HeaderMutations {
  readonly #additions: Addition[];
  readonly #removals: string[];

  constructor({ add, remove }: HeaderMutation) {
    const additions = add.map(option => new Addition(option));
    // Envoy first replaces, then appends.
    this.#additions = [...additions.filter(one => one.overwrites), ...additions.filter(one => !one.overwrites)];
    this.#removals = remove.map(name => name.toLowerCase());
  }

  get empty(): boolean {
    return this.#additions.length === 0 && this.#removals.length === 0;
  }

  apply(headers: RequestHeaders | ResponseHeaders, info: StreamInfo): void {
    for (const name of this.#removals) headers.remove(name);
    for (const addition of this.#additions) addition.apply(headers, info);
  }
}

/** One header that is added, or takes the place of another. */
export class Addition {
  readonly #name: string;
  readonly #value: Formatter;
  readonly #action: Action;
  readonly #keepEmpty: boolean;

  constructor(option: HeaderValueOption) {
    this.#name = (option.header?.key ?? '').toLowerCase();
    this.#value = makeFormatter(option.header?.value ?? '');
    this.#action = option.append === false ? Action.OVERWRITE_IF_EXISTS_OR_ADD : option.appendAction;
    this.#keepEmpty = option.keepEmptyValue;
  }

  get overwrites(): boolean {
    return this.#action === Action.OVERWRITE_IF_EXISTS || this.#action === Action.OVERWRITE_IF_EXISTS_OR_ADD;
  }

  apply(headers: RequestHeaders | ResponseHeaders, info: StreamInfo): void {
    const name = this.#name;
    const action = this.#action;
    const text = this.#value(info);
    if (text === '' && !this.#keepEmpty) return;
    if (action === Action.ADD_IF_ABSENT) {
      if (!headers.has(name)) headers.add(name, text);
    } else if (action === Action.OVERWRITE_IF_EXISTS) {
      if (headers.has(name)) replaceHeader(headers, name, text);
    } else if (action === Action.OVERWRITE_IF_EXISTS_OR_ADD) replaceHeader(headers, name, text);
    else appendHeader(headers, name, text);
  }
}

/** Headers that Envoy keeps in one line each: what is appended joins what is there. */
const single = new Set([
  'accept',
  'accept-encoding',
  'access-control-allow-origin',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-type',
  'date',
  'etag',
  'location',
  'origin',
  'server',
  'te',
  'user-agent',
  'vary',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
]);

/** Adds a value, or joins it to the one that is there where Envoy keeps the header in one line. */
export function appendHeader(headers: RequestHeaders | ResponseHeaders, name: string, text: string): void {
  if (single.has(name) && headers.has(name)) headers.set(name, `${headers.get(name)},${text}`);
  else headers.add(name, text);
}

/** The new value stands at the end, as in Envoy. */
export function replaceHeader(headers: RequestHeaders | ResponseHeaders, name: string, text: string): void {
  headers.remove(name);
  headers.add(name, text);
}
