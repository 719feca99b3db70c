/** What a stream knows of one kind of resources: what was asked, what came, what is to be answered. In the two ways of the protocol. */
import {
  type DiscoveryResponse,
  decodeDeltaResponse,
  decodeResponse,
  type ErrorDetail,
  encodeDeltaRequest,
  encodeRequest,
} from './messages.ts';

/** What is asked for. */
export interface Names {
  /** All that there are. */
  all: boolean;
  /** These, beside all or alone. */
  named: ReadonlySet<string>;
}

export interface TypeState {
  /** A new stream: nothing was asked on it. */
  restart(): void;
  /** The next request, undefined where there is nothing to say. @param node undefined: it was told before */
  next(names: Names, node: Uint8Array | undefined): Uint8Array | undefined;
  /** What came is in use. */
  accepted(response: DiscoveryResponse): void;
  rejected(response: DiscoveryResponse, message: string): void;
}

/** Of gRPC: what was sent is wrong, as Envoy says it. */
const internalError = 13;

/** The state of the world: each response holds all of the kind. */
export class WorldState implements TypeState {
  readonly #typeUrl: string;
  #version = '';
  #nonce = '';
  #error: ErrorDetail | undefined;

  constructor(typeUrl: string) {
    this.#typeUrl = typeUrl;
  }

  static decode = decodeResponse;

  restart(): void {
    this.#nonce = '';
    this.#error = undefined;
  }

  next({ all, named }: Names, node: Uint8Array | undefined): Uint8Array {
    const errorDetail = this.#error;
    this.#error = undefined;
    return encodeRequest({
      node,
      typeUrl: this.#typeUrl,
      versionInfo: this.#version,
      responseNonce: this.#nonce,
      resourceNames: all ? [] : [...named],
      errorDetail,
    });
  }

  accepted({ version, nonce }: DiscoveryResponse): void {
    this.#version = version;
    this.#nonce = nonce;
    this.#error = undefined;
  }

  rejected({ nonce }: DiscoveryResponse, message: string): void {
    this.#nonce = nonce;
    this.#error = { code: internalError, message };
  }
}

/** Changes only. */
export class DeltaState implements TypeState {
  readonly #typeUrl: string;
  /** Of the resources that are in use. */
  readonly #versions = new Map<string, string>();
  /** What was asked on this stream; undefined: nothing yet. */
  #asked: ReadonlySet<string> | undefined;
  #answers: { nonce: string; errorDetail: ErrorDetail | undefined }[] = [];

  constructor(typeUrl: string) {
    this.#typeUrl = typeUrl;
  }

  static decode = decodeDeltaResponse;

  restart(): void {
    this.#asked = undefined;
    this.#answers = [];
  }

  next({ all, named: wanted }: Names, node: Uint8Array | undefined): Uint8Array | undefined {
    const isFirst = this.#asked === undefined;
    const asked = this.#asked ?? new Set();
    // A first request that names nothing asks for all; later ones ask for more.
    const everything = isFirst && all && wanted.size > 0 ? ['*'] : [];
    const subscribe = [...everything, ...[...wanted].filter(name => !asked.has(name))];
    const unsubscribe = [...asked].filter(name => !wanted.has(name));
    for (const name of unsubscribe) this.#versions.delete(name);
    const answer = isFirst ? undefined : this.#answers.shift();
    if (!isFirst && answer === undefined && subscribe.length + unsubscribe.length === 0) return undefined;
    this.#asked = wanted;
    return encodeDeltaRequest({
      node,
      typeUrl: this.#typeUrl,
      subscribe,
      unsubscribe,
      initialVersions: isFirst ? this.#versions : new Map(),
      responseNonce: answer?.nonce ?? '',
      errorDetail: answer?.errorDetail,
    });
  }

  accepted({ nonce, resources, removed }: DiscoveryResponse): void {
    for (const { name, version = '' } of resources) this.#versions.set(name, version);
    for (const name of removed ?? []) this.#versions.delete(name);
    this.#answers.push({ nonce, errorDetail: undefined });
  }

  rejected({ nonce }: DiscoveryResponse, message: string): void {
    this.#answers.push({ nonce, errorDetail: { code: internalError, message } });
  }
}
