import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { eventLinesFromEnvironment } from './events.ts';

test('who listens is told that the configuration changed, and who does not is no error', async context => {
  const folder = mkdtempSync(join(tmpdir(), 'events-'));
  const server = createServer();
  context.after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, 'events.sock');
  eventLinesFromEnvironment({ PROXY_EVENTS: path })?.configurationChanged();
  server.listen(path);
  await once(server, 'listening');
  const lines = eventLinesFromEnvironment({ PROXY_EVENTS: path });
  lines?.configurationChanged();
  lines?.configurationChanged();
  const [socket] = (await once(server, 'connection')) as [Socket];
  lines?.close();
  assert.equal(await text(socket), '{"changed":"configuration"}\n'.repeat(2));
});
