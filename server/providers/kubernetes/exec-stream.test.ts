import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { ExecStream, protocols } from './exec-stream.ts';

/** Both ends of an exec: our stream, and the API server's side of it. */
async function ends(context: TestContext, protocol = protocols): Promise<{ stream: ExecStream; peer: WebSocket }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, protocol);
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(socket, 'open')])) as unknown as [
    [WebSocket],
    unknown,
  ];
  const stream = new ExecStream(socket);
  context.after(() => {
    stream.destroy();
    peer.terminate();
    server.close();
  });
  return { stream, peer };
}

const message = (channel: number, body: string | Buffer): Buffer =>
  Buffer.concat([Buffer.of(channel), Buffer.from(body)]);

test('output arrives, and a good end is the end', async context => {
  const { stream, peer } = await ends(context);
  peer.send(message(1, 'one '));
  peer.send(message(1, ''));
  peer.send(message(1, 'two'));
  peer.send(message(3, JSON.stringify({ status: 'Success' })));
  peer.close();
  assert.equal(await text(stream), 'one two');
});

test('what a command complained of is the error', async context => {
  const { stream, peer } = await ends(context);
  peer.send(message(2, 'no such socket\n'));
  peer.send(message(3, JSON.stringify({ status: 'Failure', message: 'exit code 1' })));
  await assert.rejects(text(stream), /^Error: no such socket$/);
});

test('when the connection is closed the stream is closed both ways, whoever still writes', async context => {
  const { stream, peer } = await ends(context);
  stream.resume();
  peer.terminate();
  await once(stream, 'close');
  assert.equal(stream.writable, false);
});

test('a status that is none is told, not thrown about', async context => {
  const { stream, peer } = await ends(context);
  peer.send(message(3, '<html>'));
  await assert.rejects(text(stream), /<html>/);
});

test('input goes in parts, whole and in order; its end is told', async context => {
  const { stream, peer } = await ends(context);
  const sent = Buffer.alloc(200_000, 'abcdefg');
  const got: Buffer[] = [];
  const closed = new Promise<Buffer>(resolve =>
    peer.on('message', (data: Buffer) => {
      if (data[0] === 255) resolve(data);
      else got.push(data);
    }),
  );
  stream.end(sent);
  assert.deepEqual(await closed, Buffer.of(255, 0));
  assert.ok(got.length > 1);
  for (const part of got) assert.equal(part[0], 0);
  assert.ok(Buffer.concat(got.map(part => part.subarray(1))).equals(sent));
});

test('where the end of input cannot be told, the connection is closed', async context => {
  const { stream, peer } = await ends(context, protocols.slice(1));
  stream.end('x');
  await once(peer, 'close');
});

test('who does not read stops who sends', async context => {
  const { stream, peer } = await ends(context);
  const block = message(1, Buffer.alloc(64 << 10));
  const blocks = 500;
  let over = false;
  const flood = (async () => {
    for (let count = 0; count < blocks; count++) await new Promise(resolve => peer.send(block, resolve));
    over = true;
  })();
  await once(stream, 'readable');
  while (peer.bufferedAmount === 0 && !over) await new Promise(resolve => setImmediate(resolve));
  assert.equal(over, false, '32 MB went to nobody');
  const held = stream.readableLength;
  assert.ok(held <= stream.readableHighWaterMark + (64 << 10), `${held} bytes are held`);
  let got = 0;
  stream.on('data', (chunk: Buffer) => {
    got += chunk.length;
    if (got === blocks * (64 << 10)) peer.close();
  });
  await flood;
  await once(stream, 'end');
  assert.equal(got, blocks * (64 << 10));
});
