/** The protocol of changes (delta): names come and go one by one, and an answer holds what is new to the client, and what is gone. */
import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryResponseSchema,
} from '../../proxy/api/envoy/service/discovery/v3/discovery_pb.js';
import { type Kind, typeUrlOf } from './kinds.ts';
import type { Held } from './snapshot.ts';
import { type Answer, meansAll, type Received, type Subscription } from './subscription.ts';

export class Delta implements Subscription {
  readonly #kind: Kind;
  readonly #names = new Set<string>();
  /** What the client has, by name: the version of each resource. */
  #told = new Map<string, string>();
  /** Names that the client has just asked for: what of them is not there is told, too. */
  #asked = new Set<string>();
  #all = false;
  #isNew = true;
  /** Answers that the client did not speak of yet: their versions by their nonces. */
  readonly #open = new Map<string, string>();
  accepted = '';

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  receive(request: DeltaDiscoveryRequest): Received {
    const { resourceNamesSubscribe: more, resourceNamesUnsubscribe: less, responseNonce, errorDetail } = request;
    const isNew = this.#isNew;
    if (isNew) this.#told = new Map(Object.entries(request.initialResourceVersions));
    this.#isNew = false;
    const version = this.#open.get(responseNonce);
    this.#open.delete(responseNonce);
    const verdict = version === undefined ? undefined : { version, refused: errorDetail?.message };
    if (version !== undefined && verdict?.refused === undefined) this.accepted = version;
    if ((isNew && meansAll(new Set(more), this.#kind.wildcard)) || more.includes('*')) this.#all = true;
    for (const name of less) this.#forget(name);
    for (const name of more.filter(one => one !== '*')) {
      this.#names.add(name);
      this.#asked.add(name);
      if (!isNew) this.#told.delete(name);
    }
    const isQuestion = isNew || more.length > 0;
    return { verdict, asked: more.filter(name => name !== '*'), all: this.#all && isQuestion, isQuestion };
  }

  #forget(name: string): void {
    if (name === '*') this.#all = false;
    this.#names.delete(name);
    this.#asked.delete(name);
    this.#told.delete(name);
  }

  answer(held: Held, nonce: string, again: boolean): Answer | undefined {
    const isFirst = this.accepted === '' && this.#open.size === 0;
    const wanted = [...held.resources.values()].filter(({ name }) => this.#all || this.#names.has(name));
    const news = wanted.filter(({ name, version }) => again || this.#told.get(name) !== version);
    const expected = new Set([...this.#told.keys(), ...this.#asked]);
    const removed = [...expected].filter(name => !held.resources.has(name));
    this.#asked.clear();
    if (news.length === 0 && removed.length === 0 && !(isFirst && this.#all)) return undefined;
    for (const name of removed) this.#told.delete(name);
    for (const { name, version } of news) this.#told.set(name, version);
    this.#open.set(nonce, String(held.version));
    const typeUrl = typeUrlOf(this.#kind);
    const response = create(DeltaDiscoveryResponseSchema, {
      systemVersionInfo: String(held.version),
      typeUrl,
      nonce,
      removedResources: removed,
      resources: news.map(({ name, version, bytes }) => ({
        name,
        version,
        resource: create(AnySchema, { typeUrl, value: bytes }),
      })),
    });
    return { bytes: toBinary(DeltaDiscoveryResponseSchema, response), names: news.map(({ name }) => name), removed };
  }
}
