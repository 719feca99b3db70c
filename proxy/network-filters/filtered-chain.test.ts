import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FailedConnection, noFacts, type TerminalFilter } from '../listener/network-filter.ts';
import { nobody, type Transport, type TransportHandler } from '../net/transport.ts';
import { FilteredChain } from './filtered-chain.ts';
import type { FilteredConnection } from './filtered-connection.ts';
import { NetworkFilter, type Verdict } from './network-filter.ts';

/** A transport that nothing is behind. */
function transport(events: string[] = []): Transport {
  const own: Transport = {
    handler: nobody,
    ...{ remoteAddress: '10.0.0.1:5', localAddress: '10.0.0.2:80', closed: false, congested: false, wasReset: false },
    ...{ bytesRead: 0, bytesWritten: 0, unsent: 0 },
    ...{ writeText() {}, write() {}, flush() {}, end() {}, reset() {} },
    pause: () => events.push('paused'),
    resume: () => events.push('resumed'),
    destroy: () => own.handler.onClose(undefined),
  };
  return own;
}

/** What happened, in order: with a chain of these filters, whose last one only listens. */
function chainOf(events: string[], ...verdicts: { connection?: Verdict; data?: Verdict }[]): FilteredChain {
  const handler: TransportHandler = {
    ...nobody,
    onRead: chunk => events.push(`read ${chunk}`),
    onEnd: () => events.push('ended'),
    onClose: () => events.push('closed'),
  };
  const terminal: TerminalFilter = {
    accept: client => {
      events.push('accepted');
      client.handler = handler;
    },
    refused: ({ by, remoteAddress }: FailedConnection) => events.push(`refused by ${by}: ${remoteAddress}`),
    prepare: async () => {},
    cameRoutes: undefined,
    drain() {},
    empty: async () => {},
    destroy() {},
  };
  const factories = verdicts.map(({ connection = 'continue', data = 'continue' }, at) => {
    class Told extends NetworkFilter {
      override onConnection(): Verdict {
        events.push(`${at} new`);
        return connection;
      }

      override onData(): Verdict {
        if (data === 'stop') this.client.close();
        return data;
      }

      override onClose(): void {
        events.push(`${at} over`);
      }
    }
    return (client: ConstructorParameters<typeof Told>[0]) => new Told(client);
  });
  return new FilteredChain(factories, terminal);
}

test('what all filters let pass reaches the last one', () => {
  const events: string[] = [];
  const client = transport();
  chainOf(events, {}, {}).accept(client, noFacts);
  client.handler.onRead(Buffer.from('a'));
  client.handler.onClose(undefined);
  assert.deepEqual(events, ['0 new', '1 new', 'accepted', 'read a', '0 over', '1 over', 'closed']);
});

test('no filter after one that stops a connection hears of it, and the end waits until it is closed', async () => {
  const events: string[] = [];
  const chain = chainOf(events, {}, { connection: 'stop' }, {});
  chain.accept(transport(), noFacts);
  const empty = chain.empty().then(() => events.push('empty'));
  chain.destroy();
  await empty;
  assert.deepEqual(events, ['0 new', '1 new', '0 over', '1 over', 'refused by filter: 10.0.0.1:5', 'empty']);
});

test('bytes that a filter refuses reach nobody', () => {
  const events: string[] = [];
  const client = transport();
  chainOf(events, { data: 'stop' }, {}).accept(client, noFacts);
  client.handler.onRead(Buffer.from('a'));
  assert.deepEqual(events, ['0 new', '1 new', 'accepted', '0 over', '1 over', 'closed']);
});

test('what comes while a connection waits reaches all filters and the last one, once it may', () => {
  const events: string[] = [];
  const client = transport();
  chainOf(events, { connection: 'wait' }, {}).accept(client, noFacts);
  client.handler.onRead(Buffer.from('a'));
  client.handler.onRead(Buffer.from('b'));
  assert.deepEqual(events, ['0 new']);
  (client.handler as FilteredConnection).continue();
  client.handler.onRead(Buffer.from('c'));
  assert.deepEqual(events, ['0 new', '1 new', 'accepted', 'read ab', 'read c']);
});

test('bytes that wait, and the end behind them, are shown to the filters after the one that waited', () => {
  const events: string[] = [];
  const client = transport();
  chainOf(events, { data: 'wait' }, {}).accept(client, noFacts);
  for (const text of ['a', 'b']) client.handler.onRead(Buffer.from(text));
  client.handler.onEnd();
  (client.handler as FilteredConnection).continue();
  assert.deepEqual(events.slice(2), ['accepted', 'read ab', 'ended']);
});

test('who paused meanwhile gets what waited once it resumes', async () => {
  const events: string[] = [];
  const client = transport(events);
  chainOf(events, { data: 'wait' }).accept(client, noFacts);
  const filtered = client.handler as FilteredConnection;
  client.handler.onRead(Buffer.from('a'));
  filtered.pause();
  filtered.continue();
  assert.deepEqual(events, ['0 new', 'accepted', 'paused']);
  filtered.resume();
  await new Promise(resolve => process.nextTick(resolve));
  assert.deepEqual(events.slice(3), ['read a', 'resumed']);
});

test('no more is read than may wait', () => {
  const events: string[] = [];
  const client = transport(events);
  chainOf(events, { connection: 'wait' }).accept(client, noFacts);
  client.handler.onRead(Buffer.alloc(64 * 1024));
  assert.deepEqual(events, ['0 new', 'paused']);
});

test('a connection that waits is closed with the chain', async () => {
  const events: string[] = [];
  const chain = chainOf(events, { connection: 'wait' });
  chain.accept(transport(), noFacts);
  chain.destroy();
  await chain.empty();
  assert.deepEqual(events, ['0 new', '0 over', 'refused by filter: 10.0.0.1:5']);
});
