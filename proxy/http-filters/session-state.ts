/** Where a client keeps which host its session is with: in a cookie, or in a header of its own (Envoy's session states). */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { TypedExtensionConfig } from '../api/envoy/config/core/v3/extension_pb.js';
import type { CookieBasedSessionState } from '../api/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.js';
import type { HeaderBasedSessionState } from '../api/envoy/extensions/http/stateful_session/header/v3/header_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { cookieMaker, cookiesOf } from '../http/cookies.ts';
import type { HeaderMap, RequestHeaders } from '../http/headers.ts';

export interface SessionState {
  /** Whether requests of this path have a session. */
  appliesTo(path: string): boolean;
  /** The address that the client keeps; '' where it has none, or one that cannot be read or has expired. */
  read(head: RequestHeaders): string;
  /** Tells the client the address. */
  write(head: HeaderMap, address: string): void;
}

const types = 'envoy.extensions.http.stateful_session';

/** Undefined where the configuration names none. */
export function sessionStateOf(extension: TypedExtensionConfig | undefined): SessionState | undefined {
  const any = extension?.typedConfig;
  const cookie = typedConfig<CookieBasedSessionState>(any, `${types}.cookie.v3.CookieBasedSessionState`);
  if (cookie !== undefined) return new CookieState(cookie);
  const header = typedConfig<HeaderBasedSessionState>(any, `${types}.header.v3.HeaderBasedSessionState`);
  return header && new HeaderState(header);
}

class HeaderState implements SessionState {
  readonly #name: string;

  constructor({ name }: HeaderBasedSessionState) {
    this.#name = name.toLowerCase();
  }

  appliesTo(): boolean {
    return true;
  }

  read(head: RequestHeaders): string {
    return decoded(head.get(this.#name) ?? '').toString('latin1');
  }

  write(head: HeaderMap, address: string): void {
    head.set(this.#name, Buffer.from(address).toString('base64'));
  }
}

class CookieState implements SessionState {
  readonly #name: string;
  readonly #path: string;
  readonly #ttlSeconds: number;
  readonly #make: (value: string) => string;

  constructor({ cookie }: CookieBasedSessionState) {
    const { name = '', path = '', ttl } = cookie ?? {};
    this.#name = name;
    this.#path = path;
    this.#ttlSeconds = Number(ttl?.seconds ?? 0n);
    this.#make = cookieMaker(name, ttl?.seconds ?? 0n, path);
  }

  appliesTo(path: string): boolean {
    const own = this.#path;
    if (!path.startsWith(own)) return false;
    return own === '' || own.endsWith('/') || path.length === own.length || '/?#'.includes(path[own.length]!);
  }

  read(head: RequestHeaders): string {
    const bytes = decoded(cookiesOf(head).get(this.#name) ?? '');
    const content = readContent(bytes);
    if (content === undefined) return bytes.toString('latin1');
    return content.expires !== 0 && clockSeconds() > content.expires ? '' : content.address;
  }

  write(head: HeaderMap, address: string): void {
    const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(address);
    if (this.#ttlSeconds > 0) writer.tag(2, WireType.Varint).uint64(clockSeconds() + this.#ttlSeconds);
    head.add('set-cookie', this.#make(Buffer.from(writer.finish()).toString('base64')));
  }
}

/** Seconds since the epoch. */
const clockSeconds = (): number => Math.floor(Date.now() / 1000);

/** What a cookie holds, Envoy's message `envoy.Cookie`; undefined where it is none, and holds a bare address. */
function readContent(bytes: Buffer): { address: string; expires: number } | undefined {
  const content = { address: '', expires: 0 };
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 1 && wireType === WireType.LengthDelimited) content.address = reader.string();
      else if (field === 2 && wireType === WireType.Varint) content.expires = Number(reader.uint64());
      else reader.skip(wireType, field);
    }
    return content;
  } catch {
    return undefined;
  }
}

/** Of base64, with its padding; empty where it is none. */
function decoded(text: string): Buffer {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
}
