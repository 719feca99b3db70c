import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { place } from './sandbox.ts';

const the = await place();
const learner = await the.first();

const listen = async (where: { port: number; host: string } | { path: string }): Promise<Server> => {
  const server = createServer(socket => socket.end('HTTP/1.0 200 OK\r\n\r\nthe machine'));
  server.listen(where);
  await once(server, 'listening');
  return server;
};

test("the machine's ports are not reached, by no address of it", async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const server = await listen({ port: 0, host: '0.0.0.0' });
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const own = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address));
  for (const address of new Set(['127.0.0.1', ...own.filter(text => !text.includes(':'))]))
    assert.notEqual((await learner.run(`curl -s -m 2 http://${address}:${port}/`)).exitStatus, 0, address);
});

test("the machine's abstract sockets are not reached", async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const server = await listen({ path: `\0unicorn-test-${process.pid}` });
  context.after(() => server.close());
  const url = `curl -s -m 2 --abstract-unix-socket unicorn-test-${process.pid} http://x/`;
  assert.notEqual((await learner.run(url)).exitStatus, 0);
});

test('there is a loopback and nothing else, and names of the lessons', async context => {
  if (!the.needs(context, 'sandboxes')) return;
  assert.equal(await learner.said("awk -F: 'NR>2 {print $1}' /proc/net/dev | tr -d ' '"), 'lo');
  assert.equal(
    await learner.said('getent hosts httpbin proxy | tr -s " "'),
    '127.0.0.2 httpbin greeter\n127.0.0.1 localhost proxy',
  );
});

test("a neighbour's ports are another's", async context => {
  if (!the.needs(context, 'two')) return;
  const neighbour = await the.join();
  const serve = "require('http').createServer((q, r) => r.end('neighbour')).listen(8000, () => console.log('up'))";
  const up = 'until curl -s http://127.0.0.1:8000/; do sleep 0.1; done';
  const served = neighbour.run(`node -e "${serve}" & ${up}; sleep 3`, 10_000);
  const own = learner.run('curl -s -m 1 --retry 2 --retry-connrefused http://127.0.0.1:8000/');
  assert.notEqual((await own).exitStatus, 0);
  assert.match((await served).standardOutput, /neighbour/);
});
