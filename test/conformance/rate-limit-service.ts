/** A rate limit service for the scenarios: it answers by what the descriptors say. */
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequestSchema,
  type RateLimitResponse,
  RateLimitResponseSchema,
  RateLimitResponse_RateLimit_Unit as Unit,
} from '../../proxy/api/envoy/service/ratelimit/v3/rls_pb.js';
import { frameMessage, GrpcMessageReader } from '../../proxy/grpc/message-reader.ts';

type Answer = MessageInitShape<typeof RateLimitResponseSchema>;

const limit = { requestsPerUnit: 5, unit: Unit.MINUTE, name: 'five' };

/** By the value of a descriptor's entry. */
const answers: Record<string, Answer> = {
  over: { overallCode: Code.OVER_LIMIT, statuses: [{ code: Code.OVER_LIMIT, currentLimit: limit }] },
  headers: {
    overallCode: Code.OK,
    requestHeadersToAdd: [{ key: 'X-To-Host', value: 'a' }],
    responseHeadersToAdd: [{ key: 'x-to-client', value: 'b' }],
  },
  'over-headers': {
    overallCode: Code.OVER_LIMIT,
    responseHeadersToAdd: [{ key: 'x-to-client', value: 'b' }],
    rawBody: Buffer.from('come back later'),
  },
  counted: {
    overallCode: Code.OK,
    statuses: [
      { code: Code.OK, currentLimit: limit, limitRemaining: 3, durationUntilReset: { seconds: 17n } },
      {
        code: Code.OK,
        currentLimit: { ...limit, requestsPerUnit: 9, name: '' },
        limitRemaining: 2,
        durationUntilReset: { seconds: 40n },
      },
    ],
  },
  unknown: {},
};

export interface RateLimitService {
  server: Http2Server;
  /** What it was asked, a line each. */
  asked: string[];
}

export function rateLimitService(): RateLimitService {
  const server = createServer();
  const asked: string[] = [];
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const reader = new GrpcMessageReader(1e6);
    stream.on('data', chunk => {
      for (const message of reader.read(chunk as Buffer)) {
        const { domain, descriptors } = fromBinary(RateLimitRequestSchema, message);
        const said = descriptors.map(({ entries, limit: own }) => {
          const told = entries.map(({ key, value }) => `${key}=${value}`).join(',');
          return own ? `${told} (${own.requestsPerUnit} in unit ${own.unit})` : told;
        });
        asked.push(`${headers[':path']} ${headers[':authority']} ${domain} ${said.join(' ')} ${headers['x-told']}`);
        answer(
          stream,
          descriptors.flatMap(({ entries }) => entries.map(({ value }) => value)),
        );
      }
    });
  });
  server.on('sessionError', () => {});
  return { server, asked };
}

function answer(stream: ServerHttp2Stream, values: readonly string[]): void {
  if (values.includes('never')) return;
  const failed = values.includes('error');
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': failed ? '13' : '0' }));
  if (failed) {
    stream.end();
    return;
  }
  const named = values.find(value => value in answers);
  const response: RateLimitResponse = create(
    RateLimitResponseSchema,
    named === undefined ? { overallCode: Code.OK } : answers[named],
  );
  stream.end(frameMessage(toBinary(RateLimitResponseSchema, response)));
}
