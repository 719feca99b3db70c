/** The protocol "state of the world": each request names all that its sender wants, each answer holds all of it. */
import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import {
  type DiscoveryRequest,
  DiscoveryResponseSchema,
} from '../../proxy/api/envoy/service/discovery/v3/discovery_pb.js';
import { type Kind, typeUrlOf } from './kinds.ts';
import type { Held } from './snapshot.ts';
import { type Answer, meansAll, type Received, type Subscription } from './subscription.ts';

export class StateOfTheWorld implements Subscription {
  readonly #kind: Kind;
  #names = new Set<string>();
  #nonce = '';
  #sent = '';
  #judged = true;
  #isNew = true;
  accepted = '';

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  /** @returns undefined for a request that crossed an answer on the way, and so speaks of an older one */
  receive(request: DiscoveryRequest): Received | undefined {
    const { resourceNames, responseNonce, errorDetail } = request;
    if (responseNonce !== this.#nonce && !this.#isNew) return undefined;
    const verdict = this.#judged ? undefined : { version: this.#sent, refused: errorDetail?.message };
    if (verdict !== undefined && verdict.refused === undefined) this.accepted = this.#sent;
    this.#judged = true;
    const names = new Set(resourceNames);
    const all = meansAll(names, this.#kind.wildcard);
    const asked = [...names].filter(name => !this.#names.has(name));
    const isQuestion = this.#isNew || asked.length > 0;
    this.#names = names;
    this.#isNew = false;
    return { verdict, asked: all ? [] : asked, all: all && isQuestion, isQuestion };
  }

  answer(held: Held, nonce: string): Answer | undefined {
    const all = meansAll(this.#names, this.#kind.wildcard);
    const wanted = [...held.resources.values()].filter(({ name }) => all || this.#names.has(name));
    // Of a name that is not there, this protocol can tell nothing.
    if (wanted.length === 0 && !all) return undefined;
    this.#nonce = nonce;
    this.#sent = String(held.version);
    this.#judged = false;
    const typeUrl = typeUrlOf(this.#kind);
    const response = create(DiscoveryResponseSchema, {
      versionInfo: this.#sent,
      typeUrl,
      nonce,
      resources: wanted.map(({ bytes }) => create(AnySchema, { typeUrl, value: bytes })),
    });
    return {
      bytes: toBinary(DiscoveryResponseSchema, response),
      names: wanted.map(({ name }) => name),
      removed: [],
    };
  }
}
