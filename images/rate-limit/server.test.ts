/** Asked as a proxy asks, with messages by the schema. */
import { deepEqual, equal } from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequestSchema,
  RateLimitResponseSchema,
  RateLimitResponse_RateLimit_Unit as Unit,
} from '../../proxy/api/envoy/service/ratelimit/v3/rls_pb.js';
import { RateLimitUnit } from '../../proxy/api/envoy/type/v3/ratelimit_unit_pb.js';
import { frameMessage, GrpcMessageReader } from '../../proxy/grpc/message-reader.ts';
import { rateLimitMethod } from '../../proxy/rate-limit/rate-limit-messages.ts';
import { readConfiguration } from './configuration.ts';
import { Counters } from './counters.ts';
import { decisionLine } from './decision-line.ts';
import { Decisions } from './decisions.ts';
import { rateLimitServer } from './server.ts';

const limits = `
domain: shop
descriptors:
  - key: user
    rate_limit: { unit: minute, requests_per_unit: 2, name: each }
  - key: user
    value: root
    rate_limit: { unlimited: true }
  - key: trial
    shadow_mode: true
    rate_limit: { unit: hour, requests_per_unit: 1 }
`;

/** 20 seconds into a minute. */
const now = () => 6020;

describe('the rate limit service', () => {
  let client: ClientHttp2Session;
  let lines: string[];
  const decisions = new Decisions(readConfiguration(limits, 'limits.yaml'), new Counters(), now);
  const { server, close } = rateLimitServer(decisions, made => lines.push(...made.map(decisionLine)));
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  after(async () => {
    client.close();
    close();
  });
  beforeEach(() => {
    lines = [];
    decisions.configuration = readConfiguration(limits, 'limits.yaml');
  });

  async function call(body: Buffer, path = rateLimitMethod, type = 'application/grpc') {
    const stream = client.request({ ':method': 'POST', ':path': path, 'content-type': type, te: 'trailers' });
    const told: Record<string, unknown> = {};
    stream.on('response', headers => Object.assign(told, headers));
    stream.on('trailers', trailers => Object.assign(told, trailers));
    // In pieces, as it may come.
    stream.write(body.subarray(0, 3));
    stream.end(body.subarray(3));
    const chunks = await stream.toArray();
    const [message] = new GrpcMessageReader(1e6).read(Buffer.concat(chunks));
    return { told, message };
  }

  async function ask(question: MessageInitShape<typeof RateLimitRequestSchema>) {
    const bytes = toBinary(RateLimitRequestSchema, create(RateLimitRequestSchema, { domain: 'shop', ...question }));
    const { told, message } = await call(frameMessage(bytes));
    if (message === undefined) return `${told['grpc-status']} ${decodeURIComponent(String(told['grpc-message']))}`;
    equal(told['grpc-status'], '0');
    return fromBinary(RateLimitResponseSchema, message);
  }
  const by = (...entries: string[]) => ({
    entries: entries.map(entry => ({ key: entry.split('=')[0]!, value: entry.split('=')[1]! })),
  });
  async function codes(question: MessageInitShape<typeof RateLimitRequestSchema>) {
    const answer = await ask(question);
    if (typeof answer === 'string') return answer;
    const said = answer.statuses.map(({ code, limitRemaining }) => `${Code[code]} ${limitRemaining}`);
    return `${Code[answer.overallCode]}: ${said.join(', ')}`;
  }

  it('says how much is left, until the window ends, and tells it in its terminal', async () => {
    const question = { descriptors: [by('user=ada')] };
    const first = await ask(question);
    if (typeof first === 'string') throw new Error(first);
    const [status] = first.statuses;
    const { requestsPerUnit, unit, name } = status!.currentLimit!;
    deepEqual([requestsPerUnit, unit, name], [2, Unit.MINUTE, 'each']);
    deepEqual([status!.limitRemaining, status!.durationUntilReset?.seconds], [1, 40n]);
    deepEqual(
      [await codes(question), await codes(question), await codes(question)],
      ['OK: OK 0', 'OVER_LIMIT: OVER_LIMIT 0', 'OVER_LIMIT: OVER_LIMIT 0'],
    );
    deepEqual(lines, [
      'shop user=ada → 1/2 per minute → OK',
      'shop user=ada → 2/2 per minute → OK',
      'shop user=ada → 3/2 per minute → OVER_LIMIT for 40 s',
      'shop user=ada → 4/2 per minute → OVER_LIMIT for 40 s',
    ]);
  });

  it('counts every value of a key by itself, and all hits of a request', async () => {
    equal(await codes({ descriptors: [by('user=bob')], hitsAddend: 2 }), 'OK: OK 0');
    equal(await codes({ descriptors: [by('user=carol')], hitsAddend: 3 }), 'OVER_LIMIT: OVER_LIMIT 0');
    equal(await codes({ descriptors: [by('user=dave')] }), 'OK: OK 1');
  });

  it('refuses where one of several is over its limit, and counts the others too', async () => {
    equal(await codes({ descriptors: [by('user=erin'), by('user=frank')], hitsAddend: 1 }), 'OK: OK 1, OK 1');
    equal(await codes({ descriptors: [by('user=erin')] }), 'OK: OK 0');
    equal(await codes({ descriptors: [by('user=erin'), by('user=frank')] }), 'OVER_LIMIT: OVER_LIMIT 0, OK 0');
  });

  it('lets pass what has no limit, and says why', async () => {
    const answers = [
      await codes({ descriptors: [by('user=root')] }),
      await codes({ descriptors: [by('team=red')] }),
      await codes({ descriptors: [by('user=ada', 'path=/')] }),
      await codes({ domain: 'market', descriptors: [by('user=ada')] }),
    ];
    deepEqual(answers, ['OK: OK 4294967295', 'OK: OK 0', 'OK: OK 0', 'OK: OK 0']);
    deepEqual(lines, [
      'shop user=root → unlimited → OK',
      'shop team=red → no limit fits → OK',
      'shop user=ada, path=/ → no limit fits → OK',
      'market user=ada → the configuration has another domain → OK',
    ]);
  });

  it('refuses nobody in shadow mode, and counts', async () => {
    const question = { descriptors: [by('trial=a')] };
    deepEqual([await codes(question), await codes(question)], ['OK: OK 0', 'OK: OK 0']);
    equal(lines[1], 'shop trial=a → 2/1 per hour → OK (shadow mode)');
  });

  it('takes the limit that the proxy brings along', async () => {
    const question = { descriptors: [{ ...by('team=blue'), limit: { requestsPerUnit: 1, unit: RateLimitUnit.DAY } }] };
    deepEqual([await codes(question), await codes(question)], ['OK: OK 0', 'OVER_LIMIT: OVER_LIMIT 0']);
    equal(lines[1], 'shop team=blue → 2/1 per day → OVER_LIMIT for 80380 s');
  });

  it('keeps what it counted when the limits change', async () => {
    const question = { descriptors: [by('user=grace')] };
    equal(await codes({ ...question, hitsAddend: 3 }), 'OVER_LIMIT: OVER_LIMIT 0');
    decisions.configuration = readConfiguration(limits.replace('_unit: 2', '_unit: 5'), 'limits.yaml');
    equal(await codes(question), 'OK: OK 1');
  });

  it('prints nothing that a terminal would act on', async () => {
    await ask({ descriptors: [by('user=\u001b[2J')] });
    equal(lines[0], 'shop user=?[2J → 1/2 per minute → OK');
  });

  it('answers what is no question with the reason', async () => {
    equal(await ask({ domain: '', descriptors: [by('a=b')] }), '2 rate limit domain must not be empty');
    equal(await ask({}), '2 rate limit descriptor list must not be empty');
    const told = async (...args: Parameters<typeof call>) => {
      const { told: said } = await call(...args);
      return [said[':status'], said['grpc-status']];
    };
    deepEqual(await told(frameMessage(Buffer.from('no message'))), [200, '3']);
    deepEqual(await told(frameMessage(Buffer.alloc(70_000))), [200, '3']);
    deepEqual(await told(Buffer.from([0, 0, 0, 0, 9, 1])), [200, '3']);
    deepEqual(await told(frameMessage(Buffer.alloc(0)), '/grpc.health.v1.Health/Check'), [200, '12']);
    deepEqual(await told(Buffer.from('{}'), '/json', 'application/json'), [415, undefined]);
    deepEqual(lines, []);
  });
});
