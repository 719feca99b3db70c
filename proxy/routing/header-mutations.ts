/** Headers that the configuration adds and removes. */
import { HeaderValueOption_HeaderAppendAction as Action } from '../api/enums.js';
import type { HeaderValueOption } from '../api/envoy/config/core/v3/base_pb.js';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { StreamInfo } from '../stream-info.ts';
import { type Formatter, makeFormatter } from './value-format.ts';

interface Addition {
  name: string;
  value: Formatter;
  action: Action;
  keepEmpty: boolean;
}

export interface HeaderMutation {
  add: readonly HeaderValueOption[];
  remove: readonly string[];
}

/** One level of additions and removals (route, virtual host, route configuration), parsed once. */
export class HeaderMutations {
  readonly #additions: Addition[];
  readonly #removals: string[];

  constructor({ add, remove }: HeaderMutation) {
    const additions = add.map(option => ({
      name: (option.header?.key ?? '').toLowerCase(),
      value: makeFormatter(option.header?.value ?? ''),
      action: option.append === false ? Action.OVERWRITE_IF_EXISTS_OR_ADD : option.appendAction,
      keepEmpty: option.keepEmptyValue,
    }));
    // Envoy first replaces, then appends.
    this.#additions = [...additions.filter(overwrites), ...additions.filter(addition => !overwrites(addition))];
    this.#removals = remove.map(name => name.toLowerCase());
  }

  get empty(): boolean {
    return this.#additions.length === 0 && this.#removals.length === 0;
  }

  apply(headers: RequestHeaders | ResponseHeaders, info: StreamInfo): void {
    for (const name of this.#removals) headers.remove(name);
    for (const addition of this.#additions) this.#add(headers, addition, info);
  }

  #add(
    headers: RequestHeaders | ResponseHeaders,
    { name, value, action, keepEmpty }: Addition,
    info: StreamInfo,
  ): void {
    const text = value(info);
    if (text === '' && !keepEmpty) return;
    const host = name === 'host' || name === ':authority';
    if ((host || name === ':path' || name === ':method') && 'authority' in headers) {
      if (host) headers.authority = text;
      else if (name === ':path') headers.path = text;
      return;
    }
    if (action === Action.ADD_IF_ABSENT) {
      if (!headers.has(name)) headers.add(name, text);
    } else if (action === Action.OVERWRITE_IF_EXISTS) {
      if (headers.has(name)) replace(headers, name, text);
    } else if (action === Action.OVERWRITE_IF_EXISTS_OR_ADD) replace(headers, name, text);
    else headers.add(name, text);
  }
}

function overwrites({ action }: Addition): boolean {
  return action === Action.OVERWRITE_IF_EXISTS || action === Action.OVERWRITE_IF_EXISTS_OR_ADD;
}

/** The new value stands at the end, as in Envoy. */
function replace(headers: RequestHeaders | ResponseHeaders, name: string, text: string): void {
  headers.remove(name);
  headers.add(name, text);
}
