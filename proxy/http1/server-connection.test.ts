/** A client's connection on real sockets, with a clock of the test's own: what is paused goes on, and what was sent arrives. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { defaultLimits, type RequestReceiver } from '../http/codec.ts';
import { ResponseHeaders } from '../http/headers.ts';
import { openTransport } from '../net/handle-transport.ts';
import { defaultOptions } from './options.ts';
import { ServerConnection } from './server-connection.ts';

const lingerMs = 1000;

/** A connection whose requests are handled by `receive`, and the client's end of it. */
async function connection(context: TestContext, receive: (connection: ServerConnection) => Partial<RequestReceiver>) {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  client.on('error', () => {});
  const silent = { onRequestHead() {}, onRequestData() {}, onRequestTrailers() {}, onRequestError() {} };
  const quiet = { ...silent, onRequestReset() {}, onDownstreamCongested() {} };
  let closed = (): void => {};
  const gone = new Promise<void>(resolve => (closed = resolve));
  const owner = {
    newRequest: () => ({ ...quiet, ...receive(made) }),
    onProtocolError() {},
    onConnectionClosed: () => closed(),
    onConnectionIdle() {},
  };
  const [socket] = await accepted;
  const made = new ServerConnection(openTransport(socket), owner, {
    options: defaultOptions,
    limits: defaultLimits,
    lingerMs,
  });
  context.after(() => {
    client.destroy();
    made.transport.destroy();
    server.close();
  });
  return { client, made, gone };
}

const size = 24 << 20;

/** Answers with a large body, and closes. */
const answerAtLength = (to: ServerConnection): Partial<RequestReceiver> => ({
  onRequestHead() {
    const head = new ResponseHeaders(200);
    head.add('content-length', String(size));
    to.sendHead(head, false, true);
    to.sendData(Buffer.alloc(size), true);
  },
});

test('a client that reads slowly gets the whole of a last response, however long it takes', async context => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { client, made } = await connection(context, answerAtLength);
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  let received = 0;
  for await (const chunk of client) {
    const unsent = made.transport.unsent;
    received += (chunk as Buffer).length;
    // Each time that some of it has gone, the time for the rest is over.
    while (made.transport.unsent === unsent && unsent > 0 && client.readableLength === 0)
      await new Promise(resolve => setImmediate(resolve));
    if (made.transport.unsent < unsent) context.mock.timers.tick(lingerMs);
  }
  assert.ok(received > size, `${received} bytes`);
});

test('a client that takes nothing of a last response is let go', async context => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { client, made, gone } = await connection(context, answerAtLength);
  client.pause();
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  while (made.transport.unsent === 0) await new Promise(resolve => setImmediate(resolve));
  let unsent = 0;
  while (unsent !== made.transport.unsent) {
    unsent = made.transport.unsent;
    context.mock.timers.tick(lingerMs);
    await new Promise(resolve => setImmediate(resolve));
  }
  context.mock.timers.tick(lingerMs);
  await gone;
});

test('a request whose reading was paused does not keep the next one from being read', async context => {
  let heads = 0;
  const { client, made } = await connection(context, to => ({
    onRequestHead() {
      heads++;
    },
    onRequestData(_chunk, end) {
      if (!end) to.pauseReading();
      else to.sendHead(new ResponseHeaders(200), true, false);
    },
  }));
  client.write('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n');
  await once(client, 'data');
  client.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na');
  await once(client, 'data');
  assert.equal(heads, 2);
  assert.equal(made.busy, false);
});

test('hundreds of requests in one read, with empty lines before them, are answered one by one', async context => {
  const count = 300;
  const bodies: string[] = [];
  const { client } = await connection(context, to => {
    let body = '';
    const answer = (): void => {
      bodies.push(body);
      to.sendHead(new ResponseHeaders(204), true, bodies.length === count);
    };
    return {
      onRequestHead: (_, end) => (end ? answer() : undefined),
      onRequestData(chunk, end) {
        body += chunk.toString('latin1');
        if (end) answer();
      },
    };
  });
  client.write('\r\n\r\nPOST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n\r\n\r\n'.repeat(count));
  let text = '';
  for await (const chunk of client) text += chunk;
  assert.equal(text.split('HTTP/1.1 204').length - 1, count);
  assert.ok(bodies.every(body => body === '\r\n\r\n'));
});
