/**
 * What a newcomer does first, without a browser: joins, waits for a prompt, does lesson 2.3 in its terminals until its exercise is checked. Prints how long each took.
 *
 *     node test/fresh-clone/lesson.ts LEARNER_URL
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Learner } from '../clients/learner.ts';

/** For a slow machine: each wait may take this long, in milliseconds. */
const patience = 300_000;
const solution = join(import.meta.dirname, '../../labs/lessons/2.3-first-configuration/solution/proxy.yaml');

const started = Date.now();
function tell(what: string): void {
  console.log(`${((Date.now() - started) / 1000).toFixed(1)} s: ${what}`);
}

// Without a name, as the one learner of a machine of one's own: who comes again is the same.
const learner = await Learner.join(process.argv[2] ?? '', '');
tell('joined');
await learner.post('/api/sandbox/start');
await learner.until('a sandbox', patience, ({ sandbox }) => sandbox.phase === 'ready');
tell('the sandbox is ready');
const shell = await learner.terminal('learner');
await shell.prompt(patience);
tell('a prompt');

await learner.post('/api/lessons/2.3/open');
await learner.post('/api/lessons/2.3/catch-up');
await learner.until('the start of lesson 2.3', patience, ({ action }) => action !== null);
await learner.until('the start of lesson 2.3', patience, ({ action }) => action === null || action.failure !== null);
tell('lesson 2.3 is at its start');

await learner.putFile('proxy.yaml', readFileSync(solution, 'utf8'));
const proxy = await learner.terminal('proxy');
await proxy.prompt(patience);
const running = proxy.until('the proxy', patience, () => !proxy.atPrompt);
proxy.type('proxy -c proxy.yaml\r');
await running;
await shell.prompt(patience);
let seen = '';
const answered = shell.until('the answer', patience, bytes => {
  seen += bytes.toString('latin1');
  return /X-Envoy-Expected-Rq-Timeout-Ms": "15000"/.test(seen);
});
shell.type('until curl -sf proxy:15001/headers; do sleep 1; done\r');
await answered;
tell('a request went through the proxy');
await learner.until('the check', patience, ({ exercises }) => exercises['first-route']?.passed === true);
tell('the exercise is passed');
learner.close();
