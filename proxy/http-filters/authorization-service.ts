/** Asks a service that speaks HTTP whether a request may pass, and reads its answer as Envoy's ext_authz does. */
import type {
  AuthorizationResponse,
  HttpService,
} from '../api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import type { ListStringMatcher } from '../api/envoy/type/matcher/v3/string_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import type { JsonObject } from '../configuration/json.ts';
import { milliseconds } from '../duration.ts';
import { RequestHeaders, type ResponseHeaders } from '../http/headers.ts';
import { OwnRequest, type OwnResponse } from '../router/own-request.ts';
import { type StringTest, stringTest } from '../routing/string-match.ts';
import { type Formatter, makeFormatter } from '../routing/value-format.ts';
import type { StreamInfo } from '../stream-info.ts';

export type Header = readonly [name: string, value: string];

/** What the service said. */
export type Answer =
  | {
      kind: 'ok';
      set: Header[];
      append: Header[];
      /** Joined to what is there. */
      join: Header[];
      remove: string[];
      /** What becomes of the response's head. */
      adjust: (head: ResponseHeaders) => void;
      /** The path with other parameters; undefined: it stays. */
      path: string | undefined;
      /** Undefined: nothing is said. */
      metadata: JsonObject | undefined;
    }
  | { kind: 'denied'; status: number; adjust: (head: ResponseHeaders) => void; body: string }
  | { kind: 'error' };

export interface Question {
  head: RequestHeaders;
  info: StreamInfo;
  /** The body that the service is to see; undefined: none is shown. */
  body: Buffer | undefined;
  /** What the route adds; a service that speaks HTTP is not told. */
  extensions: Readonly<Record<string, string>>;
}

const usualTimeoutMs = 200;
/** What the service is always told of a request, beside method, path and host. */
const alwaysTold = 'authorization';
/** What of a denial always reaches the client. */
const alwaysPassed = new Set(['content-length', 'www-authenticate', 'location']);
const removes = 'x-envoy-auth-headers-to-remove';
const ofConnection = new Set(['connection', 'keep-alive', 'transfer-encoding']);
/** The answer's own, whatever the configuration lets through: in a request they would say where it ends. Envoy passes a length on, and waits for ever. */
const ofTheAnswer = new Set([...ofConnection, 'content-length']);

/** Which names a list of matchers means; undefined where the list is empty. */
export function namesTest(list: ListStringMatcher | undefined): StringTest | undefined {
  const tests = list?.patterns.map(stringTest) ?? [];
  return tests.length === 0 ? undefined : name => tests.some(test => test(name));
}

const none: StringTest = () => false;

/** Whoever is asked. */
export interface Authorizer {
  /**
   * @param onAnswer is told once; maybe before this returns
   * @returns what gives the question up
   */
  ask(
    question: Question,
    cluster: (name: string) => Cluster | undefined,
    onAnswer: (answer: Answer) => void,
  ): () => void;
}

/** One that speaks HTTP. */
export class AuthorizationService implements Authorizer {
  readonly #clusterName: string;
  readonly #timeoutMs: number;
  readonly #pathPrefix: string;
  readonly #added: readonly { name: string; value: Formatter }[];
  readonly #told: StringTest;
  readonly #answers: AnswerReader;

  /**
   * @param allowed headers of the request that the service sees beside those that it always does
   * @param disallowed headers that it does not see all the same
   */
  constructor(service: HttpService, allowed: ListStringMatcher | undefined, disallowed: ListStringMatcher | undefined) {
    const { serverUri, pathPrefix, authorizationRequest, authorizationResponse } = service;
    const upstream = serverUri?.httpUpstreamType;
    this.#clusterName = upstream?.case === 'cluster' ? upstream.value : '';
    this.#timeoutMs = milliseconds(serverUri?.timeout, usualTimeoutMs);
    this.#pathPrefix = pathPrefix;
    this.#added = (authorizationRequest?.headersToAdd ?? []).map(({ key, value }) => ({
      name: key.toLowerCase(),
      value: makeFormatter(value),
    }));
    const [shown, hidden] = [namesTest(allowed) ?? none, namesTest(disallowed) ?? none];
    this.#told = name => (name === alwaysTold || shown(name)) && !hidden(name);
    this.#answers = new AnswerReader(authorizationResponse);
  }

  ask(
    question: Question,
    cluster: (name: string) => Cluster | undefined,
    onAnswer: (answer: Answer) => void,
  ): () => void {
    const found = cluster(this.#clusterName);
    if (found === undefined) {
      onAnswer({ kind: 'error' });
      return () => {};
    }
    const { body } = question;
    const request: OwnRequest = new OwnRequest(
      this.#headOf(question),
      found,
      this.#timeoutMs,
      response => onAnswer(this.#answers.read(response, request.elapsedMs())),
      { tellsAddress: false },
    );
    if (this.#timeoutMs > 0) request.head.set('x-envoy-expected-rq-timeout-ms', String(this.#timeoutMs));
    request.send(body === undefined || body.length === 0 ? [] : [body]);
    return () => request.cancel();
  }

  #headOf({ head, info, body }: Question): RequestHeaders {
    const asked = new RequestHeaders();
    asked.method = head.method;
    asked.path = this.#pathPrefix + head.path;
    asked.authority = head.authority;
    asked.add('content-length', String(body?.length ?? 0));
    const { entries } = head;
    const seen = new Set(['content-length', 'host']);
    for (let i = 0; i < entries.length; i += 2) {
      const name = entries[i]!;
      if (seen.has(name) || !this.#told(name)) continue;
      seen.add(name);
      asked.add(name, head.getAll(name)!);
    }
    if (body !== undefined) asked.add('x-envoy-auth-partial-body', 'false');
    for (const { name, value } of this.#added) {
      const text = value(info);
      if (text !== '') asked.add(name, text);
    }
    return asked;
  }
}

/** What of an answer goes where. */
export class AnswerReader {
  readonly #set: StringTest;
  readonly #append: StringTest;
  readonly #onSuccess: StringTest;
  readonly #onDenial: StringTest | undefined;

  constructor(said: AuthorizationResponse | undefined) {
    this.#set = namesTest(said?.allowedUpstreamHeaders) ?? none;
    this.#append = namesTest(said?.allowedUpstreamHeadersToAppend) ?? none;
    this.#onSuccess = namesTest(said?.allowedClientHeadersOnSuccess) ?? none;
    this.#onDenial = namesTest(said?.allowedClientHeaders);
  }

  read(response: OwnResponse | undefined, tookMs: number): Answer {
    if (response === undefined || response.head.status >= 500) return { kind: 'error' };
    const { head, body } = response;
    head.set('x-envoy-upstream-service-time', String(Math.round(tookMs)));
    if (head.status === 200) return this.#readOk(head);
    const passes = this.#onDenial;
    const headers = headersOf(head).filter(
      ([name]) => !ofConnection.has(name) && (passes === undefined || alwaysPassed.has(name) || passes(name)),
    );
    const adjust = (response: ResponseHeaders) => {
      for (const [name, value] of headers) response.add(name, value);
    };
    return { kind: 'denied', status: head.status, adjust, body: body.toString('latin1') };
  }

  #readOk(head: ResponseHeaders): Answer {
    const headers = headersOf(head).filter(([name]) => !ofTheAnswer.has(name));
    const named = (test: StringTest) => headers.filter(([name]) => test(name));
    const toClient = named(this.#onSuccess);
    const remove = (head.getAll(removes) ?? '').split(',').map(name => name.trim().toLowerCase());
    return {
      kind: 'ok',
      set: named(this.#set),
      join: [],
      append: named(name => name !== 'host' && this.#append(name)),
      // Without a host and a path there is no request.
      remove: remove.filter(name => name !== '' && name !== 'host' && !name.startsWith(':')),
      adjust: head => {
        for (const [name, value] of toClient) head.add(name, value);
      },
      path: undefined,
      metadata: undefined,
    };
  }
}

function headersOf({ entries }: ResponseHeaders): Header[] {
  const headers: Header[] = [];
  for (let i = 0; i < entries.length; i += 2) headers.push([entries[i]!, entries[i + 1]!]);
  return headers;
}
