/** What a mux says on its streams, and does with what comes. A transport in memory; loading is real but for the process. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { type Cluster, ClusterSchema } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '../api/envoy/config/listener/v3/listener_pb.js';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '../api/envoy/service/discovery/v3/discovery_pb.js';
import type { ResourceLoader } from '../configuration/resource-loader.ts';
import { loadResources } from '../configuration/resources.ts';
import { Log } from '../log.ts';
import { Counter } from '../stats/stats.ts';
import { StatsStore } from '../stats/store.ts';
import { BackOff } from './back-off.ts';
import { Mux } from './mux.ts';
import { type Consumer, SubscriptionStats, type Update, UpdateRefused } from './subscription.ts';
import type { DiscoveryReceiver } from './transport.ts';
import { UpdateLoader } from './update-loader.ts';
import { Watch } from './watch.ts';

const clusterType = 'envoy.config.cluster.v3.Cluster';
const url = `type.googleapis.com/${clusterType}`;
/** All that follows by itself has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise(resolve => setImmediate(resolve));
  await settled();
}

class Stage {
  readonly store = new StatsStore();
  readonly sent: Uint8Array[] = [];
  readonly updates: Update[] = [];
  receiver: DiscoveryReceiver | undefined;
  streams = 0;
  refuses = false;
  heard = 0;
  readonly mux: Mux;
  readonly #consumer: Consumer = {
    accept: update => {
      if (this.refuses) throw new UpdateRefused('not this one');
      this.updates.push(update);
    },
  };

  constructor(context: TestContext, delta = false, nodeOnFirstMessageOnly = true) {
    const loader = { load: async (request: Parameters<ResourceLoader['load']>[0]) => loadResources(request) };
    this.mux = new Mux({
      open: receiver => {
        this.receiver = receiver;
        this.streams++;
        return { send: bytes => void this.sent.push(bytes), close: () => undefined };
      },
      path: '/test',
      backOff: new BackOff(() => 0),
      delta,
      loader: new UpdateLoader(loader as ResourceLoader, false, new Counter('unknown')),
      log: new Log('off'),
      scope: this.store.scope(''),
      node: new Uint8Array([10, 1, 97]),
      nodeOnFirstMessageOnly,
    });
    context.after(() => this.mux.stop());
  }

  watch(names?: string[], timeoutMs = 0): Watch {
    const interest = { typeName: clusterType, ...(names && { names }) };
    const stats = new SubscriptionStats(this.store.scope('x.'), () => this.heard++);
    return new Watch(this.mux, { interest, consumer: this.#consumer, stats, initialFetchTimeoutMs: timeoutMs });
  }

  /** What was said since the last time. */
  requests(): string[] {
    return this.sent.splice(0).map(bytes => {
      const request = fromBinary(DiscoveryRequestSchema, bytes);
      const { node, resourceNames, versionInfo, responseNonce, errorDetail } = request;
      return `[${resourceNames}] '${versionInfo}' '${responseNonce}' ${node?.id ?? '-'} ${errorDetail?.message ?? 'fine'}`;
    });
  }

  deltaRequests(): string[] {
    return this.sent.splice(0).map(bytes => {
      const request = fromBinary(DeltaDiscoveryRequestSchema, bytes);
      const has = Object.entries(request.initialResourceVersions).map(pair => pair.join('='));
      const { resourceNamesSubscribe: more, resourceNamesUnsubscribe: less, responseNonce, errorDetail } = request;
      return `+[${more}] -[${less}] has [${has}] '${responseNonce}' ${errorDetail?.message ?? 'fine'}`;
    });
  }

  async answer(version: string, ...clusters: MessageInitShape<typeof ClusterSchema>[]): Promise<void> {
    const resources = clusters.map(cluster => anyPack(ClusterSchema, create(ClusterSchema, cluster)));
    this.receiver?.onResponse(
      toBinary(
        DiscoveryResponseSchema,
        create(DiscoveryResponseSchema, { versionInfo: version, nonce: `n${version}`, typeUrl: url, resources }),
      ),
    );
    await settled();
  }

  async change(version: string, clusters: Partial<Cluster>[], removedResources: string[] = []): Promise<void> {
    const resources = clusters.map(({ name = '' }) => ({
      name,
      version,
      resource: anyPack(ClusterSchema, create(ClusterSchema, { name })),
    }));
    const response = create(DeltaDiscoveryResponseSchema, {
      ...{ systemVersionInfo: version, nonce: `n${version}`, typeUrl: url, resources, removedResources },
    });
    this.receiver?.onResponse(toBinary(DeltaDiscoveryResponseSchema, response));
    await settled();
  }
}

test('what comes is told to be in use, or why not; what was before stays', async context => {
  const stage = new Stage(context);
  const watch = stage.watch();
  const answered = watch.start();
  await settled();
  assert.deepEqual(stage.requests(), ["[] '' '' a fine"]);
  await stage.answer('1', { name: 'one' });
  await answered;
  assert.deepEqual(stage.requests(), ["[] '1' 'n1' - fine"]);
  stage.refuses = true;
  await stage.answer('2', { name: 'two' });
  assert.deepEqual(stage.requests(), ["[] '1' 'n2' - not this one"]);
  stage.refuses = false;
  await stage.answer('3', { name: 'one' }, { name: '' });
  const [refusal] = stage.requests();
  assert.match(refusal ?? '', /^\[\] '1' 'n3' - .*ClusterValidationError.Name: value length must be at least 1/);
  await stage.answer('4', { name: 'one' });
  assert.deepEqual(stage.requests(), ["[] '4' 'n4' - fine"]);
  assert.deepEqual(
    stage.updates.map(({ version }) => version),
    ['1', '4'],
  );
  assert.equal(stage.store.counter('x.update_attempt').value, 5);
  assert.equal(stage.store.counter('x.update_rejected').value, 2);
});

test('resources of another kind than the response says are refused', async context => {
  const stage = new Stage(context);
  void stage.watch().start();
  await settled();
  stage.requests();
  const resources = [anyPack(ListenerSchema, create(ListenerSchema, { name: 'a' }))];
  const response = create(DiscoveryResponseSchema, { versionInfo: '1', nonce: 'n', typeUrl: url, resources });
  stage.receiver?.onResponse(toBinary(DiscoveryResponseSchema, response));
  await settled();
  assert.match(stage.requests()[0] ?? '', /does not match the message-wide type URL/);
});

test('names are asked for together; who hears nothing of its own is not told', async context => {
  const stage = new Stage(context);
  const [one, two] = [stage.watch(['one']), stage.watch(['two'])];
  void one.start();
  const second = two.start();
  await settled();
  assert.deepEqual(stage.requests(), ["[one,two] '' '' a fine"]);
  await stage.answer('1', { name: 'one' });
  assert.deepEqual(
    stage.updates.map(({ resources }) => resources.map(({ name }) => name)),
    [['one']],
  );
  one.stop();
  await settled();
  assert.deepEqual(stage.requests(), ["[one,two] '1' 'n1' - fine", "[two] '1' 'n1' - fine"]);
  await stage.answer('2', { name: 'two' });
  await second;
});

test('a new stream is told what is in use; what the one before still brings is nothing', async context => {
  const stage = new Stage(context);
  void stage.watch().start();
  await settled();
  await stage.answer('1', { name: 'one' });
  stage.requests();
  const before = stage.receiver!;
  before.onClosed(14, 'gone');
  assert.equal(stage.store.gauge('control_plane.connected_state').value, 0);
  await until(() => stage.streams === 2);
  assert.deepEqual(stage.requests(), ["[] '1' '' a fine"]);
  before.onResponse(new Uint8Array());
  before.onClosed(14, 'again');
  await settled();
  assert.equal(stage.streams, 2);
  assert.equal(stage.store.counter('x.update_failure').value, 1);
  assert.equal(stage.store.gauge('control_plane.connected_state').value, 1);
});

test('a first answer is waited for as long as it is said', async context => {
  const stage = new Stage(context);
  await stage.watch(['one'], 5).start();
  assert.equal(stage.store.counter('x.init_fetch_timeout').value, 1);
});

test('what is held back is said at once in the end', async context => {
  const stage = new Stage(context);
  const resume = stage.mux.pause([clusterType]);
  void stage.watch(['one']).start();
  void stage.watch(['two']).start();
  await settled();
  assert.deepEqual(stage.requests(), []);
  resume();
  await settled();
  assert.deepEqual(stage.requests(), ["[one,two] '' '' a fine"]);
});

test('changes only: names come and go, each answer is told, and a new stream hears of the versions', async context => {
  const stage = new Stage(context, true);
  const [one, two] = [stage.watch(['one']), stage.watch(['two'])];
  void one.start();
  await settled();
  assert.deepEqual(stage.deltaRequests(), ["+[one] -[] has [] '' fine"]);
  await stage.change('1', [{ name: 'one' }]);
  void two.start();
  await settled();
  assert.deepEqual(stage.deltaRequests(), ["+[] -[] has [] 'n1' fine", "+[two] -[] has [] '' fine"]);
  stage.refuses = true;
  await stage.change('2', [{ name: 'two' }]);
  assert.deepEqual(stage.deltaRequests(), ["+[] -[] has [] 'n2' not this one"]);
  stage.refuses = false;
  await stage.change('3', [{ name: 'two' }]);
  stage.deltaRequests();
  stage.receiver?.onClosed(14, '');
  await until(() => stage.streams === 2);
  assert.deepEqual(stage.deltaRequests(), ["+[one,two] -[] has [one=1,two=3] '' fine"]);
  await stage.change('4', [], ['one']);
  assert.deepEqual(stage.updates.at(-1)?.removed, ['one']);
  two.stop();
  await settled();
  assert.deepEqual(stage.deltaRequests(), ["+[] -[] has [] 'n4' fine", "+[] -[two] has [] '' fine"]);
});

test('whoever wants to know hears of each update, taken or refused, also of one on a later stream', async context => {
  const stage = new Stage(context);
  void stage.watch().start();
  await settled();
  await stage.answer('1', { name: 'one' });
  assert.equal(stage.heard, 1);
  stage.refuses = true;
  await stage.answer('2', { name: 'two' });
  assert.equal(stage.heard, 2);
  stage.receiver?.onClosed(14, '');
  await until(() => stage.streams === 2);
  assert.equal(stage.heard, 2);
  stage.refuses = false;
  await stage.answer('3', { name: 'three' });
  assert.equal(stage.heard, 3);
});

test('after each failure it may take twice as long, up to half a minute, until something worked', () => {
  const backOff = new BackOff(() => 0.5);
  const waits = Array.from({ length: 8 }, () => backOff.next());
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  backOff.reset();
  assert.equal(backOff.next(), 250);
});
