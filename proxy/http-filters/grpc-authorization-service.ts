/** Asks a service by gRPC whether a request may pass, and reads its answer as Envoy's ext_authz does. */
import { randomBytes } from 'node:crypto';
import type { ExtAuthz } from '../api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import { GrpcClient } from '../grpc/grpc-client.ts';
import { type GrpcEnd, grpcStatus } from '../grpc/status.ts';
import type { HeaderMap } from '../http/headers.ts';
import {
  type CheckAnswer,
  type CheckOptions,
  checkMethod,
  decodeCheck,
  encodeCheck,
  type ToldHeader,
} from './authorization-messages.ts';
import { type Answer, type Authorizer, type Header, namesTest, type Question } from './authorization-service.ts';

const usualTimeoutMs = 200;
const usualDenial = 403;

export class GrpcAuthorizationService implements Authorizer {
  readonly #service: NonNullable<ExtAuthz['services']['value']>;
  readonly #options: Omit<CheckOptions, 'extensions'>;
  readonly #takesMetadata: boolean;

  constructor(said: ExtAuthz) {
    this.#service = said.services.value!;
    const shown = namesTest(said.allowedHeaders) ?? (() => true);
    const hidden = namesTest(said.disallowedHeaders) ?? (() => false);
    this.#options = {
      tells: name => shown(name) && !hidden(name),
      packsBytes: said.withRequestBody?.packAsBytes ?? false,
      tellsCertificate: said.includePeerCertificate,
      tellsServerName: said.includeTlsSession,
    };
    this.#takesMetadata = said.enableDynamicMetadataIngestion ?? true;
  }

  ask(
    question: Question,
    cluster: (name: string) => Cluster | undefined,
    onAnswer: (answer: Answer) => void,
  ): () => void {
    const client = new GrpcClient(this.#service as ConstructorParameters<typeof GrpcClient>[0], cluster);
    const id = randomBytes(8).readBigUInt64BE().toString();
    const asked = encodeCheck({ ...question, id }, { ...this.#options, extensions: question.extensions });
    const startedAt = performance.now();
    const onDone = (end: GrpcEnd, bytes: Buffer | undefined): void =>
      onAnswer(this.#answerOf(question, end, bytes, Math.round(performance.now() - startedAt)));
    return client.call(checkMethod, asked, usualTimeoutMs, onDone, question.info);
  }

  #answerOf({ head }: Question, end: GrpcEnd, bytes: Buffer | undefined, tookMs: number): Answer {
    if (end.status !== grpcStatus.OK || bytes === undefined) return { kind: 'error' };
    let answer: CheckAnswer;
    try {
      answer = decodeCheck(bytes);
    } catch {
      // What is no message is no answer: the configuration says what becomes of the request.
      return { kind: 'error' };
    }
    const { headers, toClient } = answer;
    if (!answer.passes)
      return {
        kind: 'denied',
        status: answer.status || usualDenial,
        adjust: response => replaceAll(response, headers),
        body: answer.body,
      };
    const named = (append: boolean): Header[] =>
      headers.filter(told => told.append === append).map(({ header: [name, value] }) => [name.toLowerCase(), value]);
    return {
      kind: 'ok',
      // As in Envoy, which asks for nothing else of what goes to the service behind.
      set: named(false),
      append: [],
      join: named(true).filter(([name]) => head.has(name)),
      // Without a host and a path there is no request.
      remove: answer.remove.filter(name => name !== '' && name !== 'host' && !name.startsWith(':')),
      adjust: response => applyAll(response, toClient),
      path: pathWith(head.path, answer),
      metadata: answer.metadata && this.#takesMetadata ? { ...answer.metadata, ext_authz_duration: tookMs } : undefined,
    };
  }
}

/** What a denial says of its headers: they take the place of others, or stand behind them. */
function replaceAll(head: HeaderMap, told: readonly ToldHeader[]): void {
  for (const { header, append } of told) {
    const [name, value] = [header[0].toLowerCase(), header[1]];
    if (!append) head.set(name, value);
    else if (head.has(name)) head.set(name, `${head.getAll(name)},${value}`);
  }
}

function applyAll(head: HeaderMap, told: readonly ToldHeader[]): void {
  for (const { header, action } of told) {
    const [name, value] = [header[0].toLowerCase(), header[1]];
    const there = head.has(name);
    if (action === 'append' || (action === 'add-if-absent' && !there)) head.add(name, value);
    else if (action === 'set' || (action === 'set-if-present' && there)) head.set(name, value);
  }
}

/** The path with these parameters set and those removed; undefined where nothing is asked for. */
function pathWith(path: string, { setParameters, removeParameters }: CheckAnswer): string | undefined {
  if (setParameters.length + removeParameters.length === 0) return undefined;
  const at = path.indexOf('?');
  const parameters = new URLSearchParams(at < 0 ? '' : path.slice(at + 1));
  for (const [name, value] of setParameters) parameters.set(name, value);
  for (const name of removeParameters) parameters.delete(name);
  const query = parameters.toString();
  return (at < 0 ? path : path.slice(0, at)) + (query === '' ? '' : `?${query}`);
}
