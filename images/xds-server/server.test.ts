import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { afterEach, describe, it } from 'node:test';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '../../proxy/api/envoy/service/discovery/v3/discovery_pb.js';
import { frameMessage, GrpcMessageReader } from '../../proxy/grpc/message-reader.ts';
import { wordsOf, type XdsEvent } from './events.ts';
import { type Kind, type KindName, kinds, typeUrlOf } from './kinds.ts';
import { type Resource, readResources } from './resources.ts';
import { XdsServer } from './server.ts';

const kind = (name: KindName): Kind => kinds.find(one => one.name === name)!;
const named: Record<KindName, (name: string) => string> = {
  CDS: name => `- { name: ${name} }`,
  EDS: name => `- { cluster_name: ${name} }`,
  LDS: name => `- { name: ${name} }`,
  RDS: name => `- { name: ${name} }`,
  SDS: name => `- { name: ${name} }`,
};

/** Resources of a kind by their names; `extra` stands in the first. */
function resources(name: KindName, names: string, extra?: string): [Kind, Resource[]] {
  const lines = names.split(' ').filter(one => one !== '');
  const text = lines.map((one, index) => {
    const line = named[name](one);
    return index === 0 && extra !== undefined ? line.replace(' }', `, ${extra} }`) : line;
  });
  return [kind(name), readResources(kind(name), text.join('\n'))];
}

const ads = '/envoy.service.discovery.v3.AggregatedDiscoveryService/';

interface Request {
  kind?: KindName;
  names?: string[];
  nonce?: string;
  error?: string;
  node?: { id: string };
}

/** A proxy as far as xDS goes. */
class Client {
  readonly stream: ClientHttp2Stream;
  readonly #delta: boolean;
  readonly #waiting: Buffer[] = [];
  #wake = Promise.withResolvers<void>();

  constructor(session: ClientHttp2Session, path: string) {
    this.#delta = path.includes('/Delta');
    this.stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    const reader = new GrpcMessageReader(1 << 20);
    this.stream.on('data', (chunk: Buffer) => {
      this.#waiting.push(...reader.read(chunk));
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    });
  }

  send({ kind: name, names = [], nonce = '', error, node }: Request): void {
    const message = create(DiscoveryRequestSchema, {
      ...(node !== undefined && { node }),
      typeUrl: name === undefined ? '' : typeUrlOf(kind(name)),
      resourceNames: names,
      responseNonce: nonce,
      ...(error !== undefined && { errorDetail: { code: 3, message: error } }),
    });
    this.stream.write(frameMessage(toBinary(DiscoveryRequestSchema, message)));
  }

  sendDelta(name: KindName, message: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void {
    const whole = create(DeltaDiscoveryRequestSchema, message);
    whole.typeUrl = typeUrlOf(kind(name));
    this.stream.write(frameMessage(toBinary(DeltaDiscoveryRequestSchema, whole)));
  }

  /** The next answer: its kind and version, what it holds, and its nonce. */
  async next(): Promise<{ says: string; nonce: string; versions: Record<string, string> }> {
    while (this.#waiting.length === 0) await this.#wake.promise;
    const bytes = this.#waiting.shift()!;
    const nameOf = (typeUrl: string) => kinds.find(one => typeUrlOf(one) === typeUrl)?.name;
    if (this.#delta) {
      const answer = fromBinary(DeltaDiscoveryResponseSchema, bytes);
      const gone = answer.removedResources.map(name => `-${name}`);
      const says = [
        nameOf(answer.typeUrl),
        answer.systemVersionInfo,
        ...answer.resources.map(one => one.name),
        ...gone,
      ];
      const versions = Object.fromEntries(answer.resources.map(one => [one.name, one.version]));
      return { says: says.join(' '), nonce: answer.nonce, versions };
    }
    const { typeUrl, versionInfo, nonce, resources: list } = fromBinary(DiscoveryResponseSchema, bytes);
    const of = kinds.find(one => typeUrlOf(one) === typeUrl)!;
    const names = list.map(({ value }) => {
      const message = fromBinary(of.schema, value) as unknown as { name?: string; clusterName?: string };
      return message.name ?? message.clusterName;
    });
    return { says: [of.name, versionInfo, ...names].join(' '), nonce, versions: {} };
  }
}

describe('the control plane', { timeout: 20_000 }, () => {
  let server: XdsServer;
  let session: ClientHttp2Session;
  let said: string[];
  let heard = Promise.withResolvers<void>();

  async function start(...first: [Kind, Resource[]][]): Promise<void> {
    said = [];
    server = new XdsServer((event: XdsEvent) => {
      said.push(wordsOf(event).text);
      heard.resolve();
      heard = Promise.withResolvers();
    });
    session = connect(`http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`);
    server.publish(new Map(first));
  }
  const open = (path = `${ads}StreamAggregatedResources`): Client => new Client(session, path);
  const publish = (...news: [Kind, Resource[]][]): void => server.publish(new Map(news));
  /** Waits until that was said. */
  async function says(text: string): Promise<void> {
    while (!said.includes(text)) await heard.promise;
  }

  afterEach(async () => {
    session.destroy();
    await server.close();
  });

  it('answers what is asked for, tells what changes, and says who takes it', async () => {
    await start(resources('CDS', 'v1 v2'), resources('RDS', 'main other'));
    const client = open();
    client.send({ kind: 'CDS', node: { id: 'sidecar' } });
    const clusters = await client.next();
    assert.equal(clusters.says, 'CDS 1 v1 v2');
    client.send({ kind: 'CDS', nonce: clusters.nonce });
    client.send({ kind: 'RDS', names: ['main'] });
    const routes = await client.next();
    assert.equal(routes.says, 'RDS 1 main');
    client.send({ kind: 'RDS', names: ['main'], nonce: routes.nonce });
    await says('sidecar RDS version 1 ACK');
    publish(resources('CDS', 'v1 v2'), resources('RDS', 'main other', 'most_specific_header_mutations_wins: true'));
    assert.equal((await client.next()).says, 'RDS 2 main');
    assert.deepEqual(said, [
      'clusters.yaml: CDS version 1 is v1, v2',
      'routes.yaml: RDS version 1 is main, other',
      'sidecar connected: all kinds in one stream (ADS)',
      'sidecar CDS asks for all',
      'sidecar CDS version 1 sent: v1, v2',
      'sidecar CDS version 1 ACK',
      'sidecar RDS asks for main',
      'sidecar RDS version 1 sent: main',
      'sidecar RDS version 1 ACK',
      'routes.yaml: RDS version 2 is main, other',
      'sidecar RDS version 2 sent: main',
    ]);
  });

  it('says why something is refused, and with which version the proxy goes on', async () => {
    await start(resources('LDS', 'ingress'));
    const client = open();
    client.send({ kind: 'LDS', node: { id: 'a' } });
    const { nonce } = await client.next();
    client.send({ kind: 'LDS', nonce, error: 'no address' });
    await says('a LDS version 1 NACK. It has none yet. Its reason:\n  no address');
    publish(resources('LDS', 'ingress other'));
    client.send({ kind: 'LDS', nonce: (await client.next()).nonce });
    await says('a LDS version 2 ACK');
    publish(resources('LDS', 'ingress'));
    client.send({ kind: 'LDS', nonce: (await client.next()).nonce, error: 'why' });
    await says('a LDS version 3 NACK. It stays with version 2. Its reason:\n  why');
  });

  it('tells clusters before endpoints before listeners before routes, and endpoints again after clusters', async () => {
    await start(...(['CDS', 'EDS', 'LDS', 'RDS'] as const).map(name => resources(name, 'one')));
    const client = open();
    for (const name of ['RDS', 'LDS', 'EDS', 'CDS'] as const) {
      client.send({ kind: name, names: name === 'RDS' || name === 'EDS' ? ['one'] : [] });
      await client.next();
    }
    publish(resources('RDS', 'one', 'vhds: {}'), resources('CDS', 'one two'));
    assert.deepEqual(
      [(await client.next()).says, (await client.next()).says, (await client.next()).says],
      ['CDS 2 one two', 'EDS 1 one', 'RDS 2 one'],
    );
    publish(resources('LDS', 'one two'));
    assert.deepEqual([(await client.next()).says, (await client.next()).says], ['LDS 2 one two', 'RDS 2 one']);
  });

  it('does not take a request for an answer that crossed another one on the way', async () => {
    await start(resources('CDS', 'v1'));
    const client = open();
    client.send({ kind: 'CDS', node: { id: 'a' } });
    const { nonce } = await client.next();
    publish(resources('CDS', 'v1 v2'));
    const second = await client.next();
    client.send({ kind: 'CDS', nonce, error: 'late' });
    client.send({ kind: 'CDS', nonce: second.nonce });
    await says('a CDS version 2 ACK');
    assert.equal(said.filter(line => / (ACK|NACK)/.test(line)).length, 1);
  });

  it('waits for what is not there, and answers once more names are asked for', async () => {
    await start();
    const client = open();
    client.send({ kind: 'EDS', names: ['v1'] });
    client.send({ kind: 'CDS' });
    assert.equal((await client.next()).says, 'CDS 0');
    publish(resources('EDS', 'v1 v2'));
    const { says: first, nonce } = await client.next();
    assert.equal(first, 'EDS 1 v1');
    client.send({ kind: 'EDS', names: ['v1', 'v2'], nonce });
    assert.equal((await client.next()).says, 'EDS 1 v1 v2');
  });

  it('serves each kind in a stream of its own, where no type is named', async () => {
    await start(resources('SDS', 'site'));
    const client = open('/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets');
    client.send({ names: ['site'], node: { id: 'a' } });
    assert.equal((await client.next()).says, 'SDS 1 site');
    assert.equal(said[1], 'a connected: a stream for SDS');
    client.stream.end();
    await says('a is gone');
  });

  it('knows no other methods', async () => {
    await start();
    const client = open('/envoy.service.cluster.v3.ClusterDiscoveryService/FetchClusters');
    const [headers] = await once(client.stream, 'response');
    assert.equal(headers['grpc-status'], '12');
  });

  it('ends a stream that speaks nonsense', async () => {
    await start();
    const client = open();
    client.stream.write(frameMessage(Buffer.from('nonsense')));
    client.stream.resume();
    const [trailers] = await once(client.stream, 'trailers');
    assert.equal(trailers['grpc-status'], '3');
  });

  it('tells by delta what is new and what is gone', async () => {
    await start(resources('CDS', 'v1 v2'));
    const client = open(`${ads}DeltaAggregatedResources`);
    client.sendDelta('CDS', { node: { id: 'a' } });
    const first = await client.next();
    assert.equal(first.says, 'CDS 1 v1 v2');
    client.sendDelta('CDS', { responseNonce: first.nonce });
    publish(resources('CDS', 'v2 v3'));
    const second = await client.next();
    assert.equal(second.says, 'CDS 2 v3 -v1');
    client.sendDelta('CDS', { responseNonce: second.nonce, errorDetail: { code: 3, message: 'why' } });
    await says('a CDS version 2 NACK. It stays with version 1. Its reason:\n  why');
    assert.ok(said.includes('a connected: all kinds in one stream (ADS), changes only (delta)'));
    assert.ok(said.includes('a CDS version 2 sent: v3, without v1'));
  });

  it('tells a proxy that comes back by delta only what it does not have', async () => {
    await start(resources('CDS', 'v1 v2'));
    const before = open(`${ads}DeltaAggregatedResources`);
    before.sendDelta('CDS', {});
    const { versions } = await before.next();
    publish(resources('CDS', 'v2 v1', 'connect_timeout: 1s'));
    const client = open(`${ads}DeltaAggregatedResources`);
    client.sendDelta('CDS', { initialResourceVersions: { ...versions, gone: '1' } });
    assert.equal((await client.next()).says, 'CDS 2 v2 -gone');
  });

  it('tells by delta the names that are not there, and goes by those that come and go', async () => {
    await start(resources('EDS', 'v1 v2'));
    const client = open('/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints');
    client.sendDelta('EDS', { resourceNamesSubscribe: ['v1', 'v9'] });
    assert.equal((await client.next()).says, 'EDS 1 v1 -v9');
    client.sendDelta('EDS', { resourceNamesSubscribe: ['v2'], resourceNamesUnsubscribe: ['v1'] });
    assert.equal((await client.next()).says, 'EDS 1 v2');
    publish(resources('EDS', 'v9'));
    assert.equal((await client.next()).says, 'EDS 2 v9 -v2');
  });
});
