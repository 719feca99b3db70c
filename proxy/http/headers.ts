/** Header blocks as flat lists: names in lower case, order kept, lookups without allocation. */

/** How the names of a message's headers are to be written, where it goes on in HTTP/1. */
export interface WrittenNames {
  write(name: string): string;
  /** Of a response, to be passed on; '' for the usual one. */
  readonly reason: string;
}

/** Headers or trailers in order: `entries` is name, value, name, value …; names are lower case, values are latin1 text. */
export class HeaderMap {
  entries: string[] = [];
  /** Undefined: as whoever sends it writes them. */
  writtenNames: WrittenNames | undefined;

  /** The first value of a header; the name must be lower case. */
  get(name: string): string | undefined {
    const entries = this.entries;
    for (let i = 0; i < entries.length; i += 2) if (entries[i] === name) return entries[i + 1];
    return undefined;
  }

  /** All values of a header joined as Envoy joins them for matching and logging. */
  getAll(name: string): string | undefined {
    const entries = this.entries;
    let all: string | undefined;
    for (let i = 0; i < entries.length; i += 2) {
      if (entries[i] === name) all = all === undefined ? entries[i + 1]! : `${all},${entries[i + 1]}`;
    }
    return all;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  add(name: string, value: string): void {
    this.entries.push(name, value);
  }

  /** Replaces the first value in place and drops further ones; adds at the end where there is none. */
  set(name: string, value: string): void {
    const entries = this.entries;
    for (let i = 0; i < entries.length; i += 2) {
      if (entries[i] !== name) continue;
      entries[i + 1] = value;
      this.#removeFrom(name, i + 2);
      return;
    }
    entries.push(name, value);
  }

  remove(name: string): void {
    this.#removeFrom(name, 0);
  }

  /** Removes every header whose name the predicate accepts. */
  removeIf(predicate: (name: string) => boolean): void {
    const entries = this.entries;
    let kept = 0;
    for (let i = 0; i < entries.length; i += 2) {
      if (predicate(entries[i]!)) continue;
      entries[kept++] = entries[i]!;
      entries[kept++] = entries[i + 1]!;
    }
    entries.length = kept;
  }

  /** Bytes of names and values. */
  byteSize(): number {
    let size = 0;
    for (const text of this.entries) size += text.length;
    return size;
  }

  #removeFrom(name: string, from: number): void {
    const entries = this.entries;
    for (let i = from; i < entries.length; ) {
      if (entries[i] === name) entries.splice(i, 2);
      else i += 2;
    }
  }
}

/** A request's head. The pseudo headers are fields; `lookup` finds them by their HTTP/2 names too. */
export class RequestHeaders extends HeaderMap {
  method = '';
  /** '' for CONNECT, which asks for no resource but for a way to `authority`. */
  path = '';
  authority = '';
  scheme = 'http';
  /** `:80` where CONNECT named it, and it is no part of the authority any more: its host gets it back. */
  connectPort = '';
  /** What it asks for instead of HTTP, in lower case: `websocket`, …, or `connect`. What follows it is no body then; '' for all others. */
  upgrade = '';

  lookup(name: string): string | undefined {
    if (name.charCodeAt(0) !== 58) return name === 'host' ? this.authority : this.getAll(name);
    if (name === ':method') return this.method;
    // CONNECT has none.
    if (name === ':path') return this.path || undefined;
    if (name === ':authority') return this.authority;
    return name === ':scheme' ? this.scheme : undefined;
  }

  override byteSize(): number {
    const pseudo = ':method:path:authority:scheme'.length;
    return (
      super.byteSize() + pseudo + this.method.length + this.path.length + this.authority.length + this.scheme.length
    );
  }

  /** A copy that can be changed and sent without touching this one. */
  clone(): RequestHeaders {
    const copy = new RequestHeaders();
    copy.assign(this);
    return copy;
  }

  /** Becomes equal to another one, which stays apart. */
  assign(other: RequestHeaders): void {
    this.entries = other.entries.slice();
    this.writtenNames = other.writtenNames;
    this.method = other.method;
    this.path = other.path;
    this.authority = other.authority;
    this.scheme = other.scheme;
    this.connectPort = other.connectPort;
    this.upgrade = other.upgrade;
  }
}

/** A response's head. */
export class ResponseHeaders extends HeaderMap {
  status: number;
  /** It grants an upgrade: what follows are bytes of another protocol, until the stream ends. */
  upgraded = false;

  constructor(status = 0) {
    super();
    this.status = status;
  }

  lookup(name: string): string | undefined {
    return name === ':status' ? String(this.status) : this.getAll(name);
  }

  override byteSize(): number {
    return super.byteSize() + ':status200'.length;
  }
}
