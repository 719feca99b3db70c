/** A plain reading of requests, slow and of whole bytes only, for tests to compare the codec with. @see https://www.rfc-editor.org/rfc/rfc9112 */
import { defaultLimits } from '../http/codec.ts';

export interface Request {
  method: string;
  target: string;
  host: string;
  fields: string[];
  body: string;
}

export const methods = 'GET HEAD POST PUT DELETE OPTIONS PATCH';
const requestLine = new RegExp(`^(${methods.replaceAll(' ', '|')}) ([!-~\\x80-\\xff]+) HTTP/1\\.([01])$`);
const fieldLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)[ \t]*$/;
const sizeLine = /^([0-9A-Fa-f]{1,12})(?:[ \t]+)?(?:;[\t -~\x80-\xff]*)?$/;

class Refused extends Error {}
class Unfinished extends Error {}

/** Reads requests up to the first that is refused, that has no end, or that is the last of its connection. */
export class PlainReading {
  readonly requests: Request[] = [];
  #rest: string;

  constructor(bytes: string) {
    this.#rest = bytes;
  }

  /** Fills `requests` with those that are whole; why it stopped. */
  read(): 'refused' | 'unfinished' | 'closed' {
    try {
      while (this.#request());
      return 'closed';
    } catch (error) {
      if (error instanceof Refused) return 'refused';
      if (error instanceof Unfinished) return 'unfinished';
      throw error;
    }
  }

  /** Whether another may follow. */
  #request(): boolean {
    this.#rest = this.#rest.replace(/^(?:\r\n)+/, '');
    const [, method, target, minor] = requestLine.exec(this.#line()) ?? refuse();
    const fields = this.#fields();
    const all = (name: string) => fields.flatMap((field, i) => (i % 2 === 0 && field === name ? [fields[i + 1]!] : []));
    const lengths = all('content-length');
    const codings = all('transfer-encoding');
    const hosts = all('host');
    if (minor === '0' || lengths.length + codings.length > 1 || hosts.length > 1) refuse();
    if (lengths.some(length => !/^\d{1,15}$/.test(length))) refuse();
    if (codings.some(coding => coding.toLowerCase() !== 'chunked')) refuse();
    // What Connection may not name.
    const named = all('connection').flatMap(value => value.toLowerCase().split(','));
    if (named.some(name => name.trim().startsWith(':'))) refuse();
    const body = codings.length > 0 ? this.#chunks() : this.#bytes(Number(lengths[0] ?? 0));
    this.requests.push({
      method: method!,
      target: target!,
      host: hosts[0] ?? '',
      fields: without(fields, 'host'),
      body,
    });
    return !named.some(name => name.trim() === 'close');
  }

  #line(): string {
    const end = this.#rest.search(/[\r\n]/);
    if (end < 0) throw new Unfinished();
    const line = this.#rest.slice(0, end);
    if (this.#rest.startsWith('\r\n', end)) {
      this.#rest = this.#rest.slice(end + 2);
      return line;
    }
    if (this.#rest.length === end + 1 && this.#rest[end] === '\r') throw new Unfinished();
    return refuse();
  }

  #fields(): string[] {
    const fields: string[] = [];
    for (let line = this.#line(); line !== ''; line = this.#line()) {
      const [, name, value] = fieldLine.exec(line) ?? refuse();
      fields.push(name!.toLowerCase(), value!);
    }
    if (fields.length > 2 * defaultLimits.maximumHeaders) refuse();
    return fields;
  }

  #bytes(count: number): string {
    if (this.#rest.length < count) throw new Unfinished();
    const bytes = this.#rest.slice(0, count);
    this.#rest = this.#rest.slice(count);
    return bytes;
  }

  #chunks(): string {
    for (let body = ''; ; ) {
      const [, digits] = sizeLine.exec(this.#line()) ?? refuse();
      const size = Number.parseInt(digits!, 16);
      if (size === 0) {
        this.#fields();
        return body;
      }
      body += this.#bytes(size);
      if (this.#line() !== '') refuse();
    }
  }
}

function refuse(): never {
  throw new Refused();
}

/** Fields (name, value …) but those of some names. */
export function without(fields: readonly string[], ...names: string[]): string[] {
  return fields.filter((_, i) => !names.includes(fields[i - (i % 2)]!));
}
