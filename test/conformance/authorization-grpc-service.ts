/** An authorization service that is asked by gRPC: it answers by what the header x-ask says, and writes down what it is told. */
import { createServer, type Http2Server } from 'node:http2';
import { create, fromBinary, type MessageInitShape, toBinary, toJson } from '@bufbuild/protobuf';
import type { AttributeContext_Peer } from '../../proxy/api/envoy/service/auth/v3/attribute_context_pb.js';
import { CheckRequestSchema, CheckResponseSchema } from '../../proxy/api/envoy/service/auth/v3/external_auth_pb.js';
import { frameMessage, GrpcMessageReader } from '../../proxy/grpc/message-reader.ts';

type Answer = MessageInitShape<typeof CheckResponseSchema>;

const option = (key: string, value: string, append?: boolean, appendAction = 0) => ({
  header: { key, value },
  appendAction,
  ...(append === undefined ? {} : { append }),
});

const ok = (value: object): Answer => ({ status: { code: 0 }, httpResponse: { case: 'okResponse', value } });
const denied = (value: object): Answer => ({ status: { code: 7 }, httpResponse: { case: 'deniedResponse', value } });

const answers: Record<string, Answer> = {
  fine: ok({}),
  nothing: {},
  no: { status: { code: 7 } },
  denied: denied({
    status: { code: 401 },
    headers: [option('X-Why', 'a'), option('www-authenticate', 'b')],
    body: 'not you',
  }),
  'denied-twice': denied({ headers: [option('x-why', 'a', true), option('x-why', 'b', true)] }),
  set: ok({ headers: [option('x-client', 'new'), option('X-New', 'n')], headersToRemove: ['x-gone', ':path', 'host'] }),
  append: ok({ headers: [option('x-client', 'more', true), option('x-new', 'n', true)] }),
  actions: ok({
    headers: [option('x-client', 'absent', undefined, 1), option('x-none', 'absent', undefined, 1)],
    responseHeadersToAdd: [option('x-out', 'one'), option('x-out', 'two', true)],
  }),
  replace: ok({ headers: [option('x-client', 'over', undefined, 2), option('x-none', 'if', undefined, 3)] }),
  query: ok({
    queryParametersToSet: [
      { key: 'a', value: '2' },
      { key: 'c', value: 'new' },
    ],
    queryParametersToRemove: ['b'],
  }),
  metadata: { ...ok({}), dynamicMetadata: { who: 'me', deep: { n: 1 } } },
};

export interface AuthorizationGrpcService {
  server: Http2Server;
  /** What it was told, without what differs from run to run. */
  asked: unknown[];
}

/** @param byAddress how connections are answered, by the address that they came to */
export function authorizationGrpcService(byAddress: Readonly<Record<string, string>> = {}): AuthorizationGrpcService {
  const server = createServer();
  const asked: unknown[] = [];
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const reader = new GrpcMessageReader(1e6);
    stream.on('data', chunk => {
      for (const message of reader.read(chunk as Buffer)) {
        const request = fromBinary(CheckRequestSchema, message);
        const { request: told, destination } = request.attributes ?? {};
        const said = told?.http?.headers['x-ask'] ?? byAddress[addressOf(destination)] ?? 'fine';
        const check = JSON.parse(normalized(JSON.stringify(toJson(CheckRequestSchema, request))));
        asked.push({ told: headers['x-told'], check });
        if (said === 'never') continue;
        const failed = said === 'error';
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': failed ? '13' : '0' }));
        const answer = create(CheckResponseSchema, answers[said] ?? answers.fine);
        stream.end(failed ? undefined : frameMessage(toBinary(CheckResponseSchema, answer)));
      }
    });
  });
  server.on('sessionError', () => {});
  return { server, asked };
}

function addressOf(peer: AttributeContext_Peer | undefined): string {
  const { address } = peer?.address ?? {};
  return address?.case === 'socketAddress' ? address.value.address : '';
}

function normalized(text: string): string {
  return text
    .replace(/"time":"[^"]*"/, '"time":"<time>"')
    .replace(/"id":"\d+"/, '"id":"<id>"')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<uuid>')
    .replace(/"portValue":\d+/g, '"portValue":"<port>"');
}
