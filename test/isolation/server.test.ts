/** A learner of the whole lab server, on each provider: works, and goes on when the server or the sandbox was killed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Learner } from '../clients/learner.ts';
import { LabServer } from '../end-to-end/server.ts';
import { top } from '../lint/files.ts';
import { ended, type Outside, outsideOf, saved } from './outside.ts';
import { place, providerName, providerOf } from './sandbox.ts';
import { says } from './typing.ts';

const patience = 60_000;
const the = await place();

interface Class {
  server: LabServer;
  learner: Learner;
  outside: Outside;
  /** The id of the one sandbox. */
  sandbox: string;
}

/** A server with a learner whose sandbox is ready; all of it ends with the test, and has to leave nothing but the home. */
async function classOf(context: TestContext): Promise<Class> {
  const server = await LabServer.start(['--provider', providerName, '--class']);
  let outside: Outside | undefined;
  let learner: Learner | undefined;
  let ids: string[] = [];
  context.after(async () => {
    learner?.close();
    await server.interrupt();
    const left = await outside?.traces(ids);
    if (outside) await removeHomes(server.data, outside);
    await server.stop();
    assert.deepEqual(left, []);
  });
  outside = await outsideOf(providerName, server.data);
  learner = await Learner.join(server.learnerUrl, 'Ada');
  await learner.post('/api/sandbox/start');
  await learner.until('a sandbox', patience, ({ sandbox }) => sandbox.phase === 'ready');
  ids = await outside.sandboxes();
  assert.equal(ids.length, 1);
  return { server, learner, outside, sandbox: ids[0]! };
}

async function removeHomes(data: string, outside: Outside): Promise<void> {
  const provider = await providerOf(data);
  for (const home of await outside.homes()) await provider.removeHome(home);
}

test('two terminals, files and a check that passes', { timeout: 180_000 }, async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const { learner } = await classOf(context);
  await learner.post('/api/lessons/2.3/open');
  await learner.post('/api/lessons/2.3/catch-up');
  await learner.until('the start of lesson 2.3', patience, ({ action }) => action !== null);
  await learner.until('the start of lesson 2.3', patience, ({ action }) => action === null);
  const solution = join(top, 'labs/lessons/2.3-first-configuration/solution/proxy.yaml');
  await learner.putFile('proxy.yaml', readFileSync(solution, 'utf8'));
  const [proxy, shell] = [await learner.terminal('proxy'), await learner.terminal('learner')];
  await proxy.prompt(patience);
  proxy.type('proxy -c proxy.yaml\r');
  await says(shell, 'until curl -sf proxy:15001/headers; do sleep 0.2; done', 'X-Envoy-Expected-Rq-Timeout-Ms');
  await learner.until('the check', patience, ({ exercises }) => exercises['first-route']?.passed === true);
});

test('a server that is killed finds the sandbox again, with what runs in its terminals', {
  timeout: 120_000,
}, async context => {
  if (!the.needs(context, 'sandboxes')) return;
  const { server, learner, outside, sandbox } = await classOf(context);
  await says(await learner.terminal('learner'), 'kept=$((6*7)); echo answer $kept', 'answer 42');
  learner.close();
  await server.kill();
  await server.run();
  const again = await learner.again();
  context.after(() => again.close());
  await again.until('the sandbox', patience, ({ sandbox: found }) => found.phase === 'ready');
  await says(await again.terminal('learner'), 'echo still $kept', 'still 42');
  assert.deepEqual(await outside.sandboxes(), [sandbox]);
});

test('a sandbox that is killed is told; started again it has the home and the progress', {
  timeout: 120_000,
}, async context => {
  if (!the.needs(context, 'sandboxes') || !the.needs(context, 'homes')) return;
  const { learner, outside, sandbox } = await classOf(context);
  await learner.post('/api/lessons/2.1/open');
  await learner.post('/api/exercises/httpbin-answers/hint');
  await says(await learner.terminal('learner'), 'echo saved > file; sync; echo $((6*7))', '42');
  await saved(outside, sandbox);
  await outside.kill(sandbox);
  await learner.until('the end', patience, ({ sandbox: found }) => found.phase === 'ended');
  assert.match(
    learner.state.sandbox.phase === 'ended' ? learner.state.sandbox.reason : '',
    /^The sandbox ended.*Your files are kept: start it again\.$/,
  );
  await ended(outside, sandbox);
  await learner.post('/api/sandbox/start');
  await learner.until('a sandbox', patience, ({ sandbox: found }) => found.phase === 'ready');
  await says(await learner.terminal('learner'), 'cat file', 'saved');
  assert.equal(learner.state.exercises['httpbin-answers']?.hintsHtml.length, 1);
});
