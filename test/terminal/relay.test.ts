/** Terminals over real WebSockets, by way of the relay. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import type { AgentClient } from '../../server/agent/client.ts';
import { closeCodes, relayTerminal } from '../../server/terminal/relay.ts';
import { makeSandbox, type TestSandbox, whyNoSandbox } from './sandbox.ts';
import { TestViewer } from './viewer.ts';

const reason = await whyNoSandbox();
const skip = reason === undefined ? false : reason;
let sandbox: TestSandbox;
let agent: AgentClient;
let server: Server;
let base = '';
let waiting = 0;

/** A server that does nothing but relay: /NAME?columns=…&rows=…[&readOnly] */
async function serve(): Promise<void> {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });
  server = createServer();
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, page => {
      const { pathname, searchParams } = new URL(request.url!, 'http://x');
      const from = searchParams.get('resumeFrom');
      page.on('error', () => {});
      const timer = setInterval(() => {
        waiting = Math.max(waiting, page.bufferedAmount);
      }, 20);
      void relayTerminal(page, agent, {
        terminal: pathname.slice(1),
        columns: Number(searchParams.get('columns')),
        rows: Number(searchParams.get('rows')),
        resumeFrom: from === null ? undefined : Number(from),
        readOnly: searchParams.has('readOnly'),
      }).finally(() => clearInterval(timer));
    }),
  );
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  base = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

before(async () => {
  if (skip) return;
  sandbox = await makeSandbox();
  agent = await sandbox.connect();
  await serve();
});
after(async () => {
  agent?.close();
  server?.closeAllConnections();
  server?.close();
  await sandbox?.end();
});

test('a page types, resizes, floods and stops the flood within 200 ms', { skip, timeout: 60_000 }, async () => {
  const page = await TestViewer.open(`${base}/one`, { blind: true });
  await page.until(() => page.atPrompt, 'a prompt');
  page.resize(99, 33);
  await page.until(() => page.sizes.includes('99x33'), 'the size');
  page.type('stty size\r');
  await page.sees('33 99\r\n');
  await page.until(() => page.atPrompt, 'the prompt');
  page.type('yes\r');
  await page.until(() => page.offset > 20e6, '20 MB');
  page.chunks = [];
  const pressed = performance.now();
  page.type('\x03');
  await page.until(() => page.atPrompt, 'the prompt');
  const took = performance.now() - pressed;
  console.log(`# Ctrl-C took ${took.toFixed(1)} ms`);
  assert.ok(took < 200, `${took} ms`);
  page.leave();
  await page.closed;
});

test('a paste larger than any window goes through a program that reads it', { skip, timeout: 60_000 }, async () => {
  const page = await TestViewer.open(`${base}/paste`, { blind: true });
  await page.until(() => page.atPrompt, 'a prompt');
  const size = 700_000;
  page.type(`stty raw -echo; printf ready; head -c ${size} | sha256sum; stty sane\r`);
  await page.until(() => page.output.subarray(-5).toString() === 'ready', 'the program');
  const { createHash } = await import('node:crypto');
  const paste = Buffer.alloc(size, 'abcdefghij');
  // As pages send it.
  for (let at = 0; at < size; at += 60_000) page.type(paste.subarray(at, at + 60_000));
  await page.sees(createHash('sha256').update(paste).digest('hex'));
  page.leave();
});

test('who only looks cannot type, resize nor pretend; what a page may not send is dropped', { skip }, async () => {
  const page = await TestViewer.open(`${base}/two`);
  await page.until(() => page.atPrompt, 'a prompt');
  const guest = await TestViewer.open(`${base}/two?readOnly&`, { columns: 20, rows: 5 });
  await guest.until(() => guest.atPrompt, 'the prompt');
  guest.type('echo from the guest\r');
  guest.resize(10, 10);
  page.raw(Buffer.from([0, ...Buffer.alloc(8), ...Buffer.from('forged')]));
  page.raw(Buffer.from([200, 1, 2, 3]));
  page.raw(Buffer.from([2, 1]));
  page.type('echo from the page\r');
  await guest.sees('from the page\r\n');
  await guest.until(() => guest.atPrompt, 'the prompt');
  const { text } = await agent.call('terminal.text', { terminal: 'two' });
  assert.doesNotMatch(text, /guest|forged/);
  const { terminals } = await agent.call('terminal.list', {});
  assert.equal(terminals.find(one => one.terminal === 'two')?.columns, 80);
  page.leave();
  guest.leave();
});

test('text and empty messages end the connection, and nothing else', { skip }, async () => {
  for (const message of ['text', Buffer.alloc(0)]) {
    const socket = new WebSocket(`${base}/two?columns=80&rows=24`);
    await new Promise(resolve => socket.once('open', resolve));
    socket.send(message);
    const code = await new Promise(resolve => socket.once('close', resolve));
    assert.equal(code, closeCodes.malformed);
  }
  const page = await TestViewer.open(`${base}/two`);
  await page.until(() => page.atPrompt, 'the prompt');
  page.leave();
});

test('a name that cannot be is refused with a reason', { skip }, async () => {
  const page = await TestViewer.open(`${base}/..%2fx`);
  assert.equal((await page.closed).code, closeCodes.refused);
});

test('a page that does not read costs the server little', { skip, timeout: 60_000 }, async () => {
  const socket = new WebSocket(`${base}/slow?columns=80&rows=24`);
  await new Promise(resolve => socket.once('message', resolve));
  socket.pause();
  waiting = 0;
  const run = { terminal: 'slow', command: 'seq 1 2000000', wait: 'prompt', promptTimeoutMs: 5000 } as const;
  const other = TestViewer.attach(agent, 'slow', { blind: true });
  await agent.call('terminal.run', { ...run, timeoutMs: 40_000 });
  await other.until(() => other.atPrompt, 'the prompt');
  console.log(`# at most ${waiting} bytes waited in the WebSocket`);
  assert.ok(waiting < 1024 * 1024);
  socket.terminate();
  other.leave();
});

test('a page is told when the connection to the sandbox is lost, and resumes', { skip }, async () => {
  const page = await TestViewer.open(`${base}/lost`);
  await page.until(() => page.atPrompt, 'a prompt');
  page.type('sleep 0.3; echo done without you\r');
  await page.until(() => !page.atPrompt, 'the command');
  agent.close();
  assert.equal((await page.closed).code, closeCodes.lost);
  agent = await sandbox.connect();
  const back = await TestViewer.open(`${base}/lost`, { resumeFrom: page.offset });
  await back.sees('done without you\r\n');
  assert.equal(back.snapshots, 0);
  back.leave();
});
