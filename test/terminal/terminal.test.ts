/** Terminals in a real sandbox, looked at through the agent's client. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { AgentClient } from '../../server/agent/client.ts';
import { makeSandbox, type TestSandbox, whyNoSandbox } from './sandbox.ts';
import { TestViewer } from './viewer.ts';

const reason = await whyNoSandbox();
const skip = reason === undefined ? false : reason;
let sandbox: TestSandbox;
let agent: AgentClient;
let names = 0;

before(async () => {
  if (skip) return;
  sandbox = await makeSandbox();
  agent = await sandbox.connect();
});
after(async () => {
  agent?.close();
  await sandbox?.end();
});

/** A terminal of its own for each test, at its prompt. */
async function terminal(
  options: Parameters<typeof TestViewer.attach>[2] = {},
): Promise<{ name: string; viewer: TestViewer }> {
  const name = `t${++names}`;
  const viewer = TestViewer.attach(agent, name, options);
  await viewer.until(() => viewer.atPrompt, 'a prompt');
  return { name, viewer };
}

const run = (name: string, command: string, timeoutMs = 20_000) =>
  agent.call('terminal.run', { terminal: name, command, wait: 'prompt', promptTimeoutMs: 5000, timeoutMs });

async function finish(name: string, ...viewers: TestViewer[]): Promise<void> {
  for (const viewer of viewers) viewer.leave();
  await agent.call('terminal.close', { terminal: name });
}

test('a shell has a terminal that it can name, as the learner and without new privileges', { skip }, async () => {
  const { name, viewer } = await terminal({ columns: 100, rows: 30 });
  await run(
    name,
    'tty; id -un; grep NoNewPrivs /proc/self/status; stty size; echo $TERM $LANG; [ -t 0 ] && ps -o tty= -p $$',
  );
  const lines = (await viewer.picture()).lines.slice(2, 8);
  assert.match(lines[0]!, /^\/dev\/pts\/\d+$/);
  assert.deepEqual(lines.slice(1, 5), ['learner', 'NoNewPrivs:     1', '30 100', 'xterm-256color C.UTF-8']);
  assert.match(lines[5]!, /^pts\/\d+/);
  await finish(name, viewer);
});

test('Ctrl-C ends yes within 200 ms after ten seconds of it', { skip, timeout: 60_000 }, async () => {
  const { name, viewer } = await terminal({ blind: true });
  viewer.type('yes\r');
  await viewer.sees('y\r\ny\r\n');
  await new Promise(resolve => setTimeout(resolve, 10_000));
  const flood = viewer.offset;
  viewer.chunks = [];
  const pressed = performance.now();
  viewer.type('\x03');
  await viewer.until(() => viewer.atPrompt, 'the prompt');
  const took = performance.now() - pressed;
  console.log(`# Ctrl-C took ${took.toFixed(1)} ms after ${(flood / 1e6).toFixed(0)} MB`);
  assert.ok(took < 200, `${took} ms`);
  await finish(name, viewer);
});

test('50 MB of output arrive whole and in order', { skip, timeout: 120_000 }, async () => {
  const { name, viewer } = await terminal({ blind: true });
  const last = 6_400_000;
  const began = performance.now();
  assert.deepEqual(await run(name, `seq 1 ${last}`, 100_000), { exitStatus: 0 });
  await viewer.until(() => viewer.atPrompt, 'the prompt');
  const seconds = (performance.now() - began) / 1000;
  const all = viewer.output;
  const start = all.indexOf('\x1b]133;C\x07') + '\x1b]133;C\x07'.length;
  const output = all.subarray(start, all.indexOf('\x1b]133;D'));
  console.log(`# ${(output.length / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s`);
  assert.ok(output.length > 50e6);
  assert.equal(viewer.snapshots, 1);
  const expected = createHash('sha256');
  for (let from = 1; from <= last; from += 10_000) {
    let part = '';
    for (let at = from; at < from + 10_000; at++) part += `${at}\r\n`;
    expected.update(part);
  }
  assert.equal(createHash('sha256').update(output).digest('hex'), expected.digest('hex'));
  await finish(name, viewer);
});

test('a resize reaches the program, and every viewer is told', { skip }, async () => {
  const { name, viewer } = await terminal();
  const other = TestViewer.attach(agent, name);
  await other.until(() => other.snapshots === 1, 'a snapshot');
  await run(name, "trap 'echo resized to $(stty size)' WINCH");
  viewer.resize(123, 45);
  await viewer.until(() => viewer.sizes.includes('123x45'), 'the size');
  await other.until(() => other.sizes.includes('123x45'), 'the size');
  await run(name, 'true');
  await viewer.sees('resized to 45 123');
  await finish(name, viewer, other);
});

test('characters that are cut at any byte come out whole, also for who comes in between', { skip }, async () => {
  const { name, viewer } = await terminal();
  const text = 'äé€한😀e\u0301\x1b[1mb';
  const bytes = Buffer.from(text);
  viewer.type(`clear; stty raw -echo; printf ready; dd bs=1 count=${bytes.length} status=none; stty sane\r`);
  await viewer.until(() => viewer.output.subarray(-5).toString() === 'ready', 'the program');
  const late: TestViewer[] = [];
  for (const byte of bytes) {
    const before = viewer.offset;
    viewer.type(Buffer.from([byte]));
    await viewer.until(() => viewer.offset > before, 'the byte');
    const one = TestViewer.attach(agent, name);
    await one.until(() => one.snapshots === 1, 'a snapshot');
    late.push(one);
  }
  for (const one of [viewer, ...late]) {
    await one.until(() => one.atPrompt, 'the prompt');
    assert.match((await one.picture()).lines[0]!, /^readyäé€한😀e\u0301b/);
  }
  await finish(name, viewer, ...late);
});

test('two viewers see the same, and a snapshot is the screen', { skip }, async () => {
  const { name, viewer } = await terminal({ columns: 90, rows: 20 });
  const other = TestViewer.attach(agent, name, { columns: 0, rows: 0 });
  await other.until(() => other.snapshots === 1, 'a snapshot');
  const begin = other.offset;
  await run(
    name,
    'seq 1 3000; ls --color=always -l /usr; printf "\\e[7mreverse\\e[0m \\e[38;5;200mpink\\e[0m wide 한글 \\e[4munder"',
  );
  await Promise.all([viewer, other].map(one => one.until(() => one.atPrompt, 'the prompt')));
  assert.deepEqual(viewer.output.subarray(begin - (viewer.offset - viewer.output.length)), other.output);
  const late = TestViewer.attach(agent, name, { columns: 0, rows: 0 });
  await late.until(() => late.atPrompt, 'the prompt');
  const picture = await viewer.picture();
  assert.deepEqual(await other.picture(), picture);
  assert.deepEqual(await late.picture(), picture);
  const { text } = await agent.call('terminal.text', { terminal: name });
  assert.equal(text.trimEnd(), picture.lines.join('\n').trimEnd());
  await finish(name, viewer, other, late);
});

test('a snapshot of a program on the whole screen has its modes', { skip }, async () => {
  const { name, viewer } = await terminal();
  const modes = '\\e[?1049h\\e[?25l\\e[?1h\\e[?1002h\\e[?1006h\\e[3;10r\\e[5;7Hhere\\e[?2004h';
  viewer.type(
    `printf '${modes}'; read -rsn1 x; printf '\\n\\n\\n\\n\\n\\n\\n\\nend'; read -rsn1 x; printf '\\e[r\\e[?1049l\\e[?25h'\r`,
  );
  await viewer.sees('here\x1b[?2004h');
  const late = TestViewer.attach(agent, name);
  await late.until(() => late.snapshots === 1, 'a snapshot');
  assert.deepEqual(await late.picture(), await viewer.picture());
  assert.deepEqual(late.screen.modes, viewer.screen.modes);
  // The scrolling region of the snapshot is the program's: the same output scrolls the same.
  viewer.type('x');
  await Promise.all([viewer.sees('end'), late.sees('end')]);
  assert.deepEqual(await late.picture(), await viewer.picture());
  viewer.type('x');
  await Promise.all([viewer, late].map(one => one.until(() => one.atPrompt, 'the prompt')));
  assert.equal((await late.picture()).alternate, false);
  await finish(name, viewer, late);
});

test('who comes back from where they were loses nothing', { skip }, async () => {
  const { name, viewer } = await terminal();
  viewer.type('for i in $(seq 1 150); do echo "line $i"; sleep 0.01; done\r');
  let current = viewer;
  let all = Buffer.alloc(0);
  for (const mark of ['line 30\r\n', 'line 80\r\n', 'line 120\r\n']) {
    await current.sees(mark);
    all = Buffer.concat([all, current.output]);
    current.leave();
    await current.closed;
    current = TestViewer.attach(agent, name, { resumeFrom: current.offset });
  }
  await current.sees('line 150\r\n');
  await current.until(() => current.atPrompt, 'the prompt');
  assert.equal(current.snapshots, 0);
  const lines = Buffer.concat([all, current.output])
    .toString()
    .match(/line \d+\r/g);
  assert.deepEqual(
    lines,
    Array.from({ length: 150 }, (_, at) => `line ${at + 1}\r`),
  );
  await finish(name, current);
});

test('what is typed while a terminal is being opened reaches its shell', { skip }, async () => {
  const name = `t${++names}`;
  const first = TestViewer.attach(agent, name);
  first.type('echo new $((6 * 7))\r');
  await first.sees('new 42');
  const second = TestViewer.attach(agent, name, { resumeFrom: first.offset });
  second.type('echo known $((6 * 8))\r');
  await second.sees('known 48');
  await finish(name, first, second);
});

test('who comes back too late gets a snapshot', { skip }, async () => {
  const { name, viewer } = await terminal({ blind: true });
  const from = viewer.offset;
  await run(name, 'seq 1 300000');
  const late = TestViewer.attach(agent, name, { resumeFrom: from });
  await late.until(() => late.atPrompt, 'the prompt');
  assert.equal(late.snapshots, 1);
  assert.ok((await late.picture()).lines.includes('300000'));
  await finish(name, viewer, late);
});

test('a viewer that hangs holds nobody up for long and costs no memory', { skip, timeout: 60_000 }, async () => {
  const { name, viewer } = await terminal({ blind: true });
  const hanging = TestViewer.attach(agent, name, { silent: true, blind: true });
  await hanging.until(() => hanging.snapshots === 1, 'a snapshot');
  const before = await agent.call('usage', {});
  assert.deepEqual(await run(name, 'seq 1 3000000', 40_000), { exitStatus: 0 });
  await viewer.until(() => viewer.atPrompt, 'the prompt');
  const { memoryBytes } = await agent.call('usage', {});
  console.log(
    `# memory of the sandbox ${(before.memoryBytes / 1e6).toFixed(1)} MB before, ${(memoryBytes / 1e6).toFixed(1)} MB after`,
  );
  assert.ok(memoryBytes - before.memoryBytes < 30e6);
  assert.ok(hanging.offset < 2e6, `${hanging.offset}`);
  hanging.acknowledge();
  await hanging.until(() => hanging.snapshots === 2, 'a snapshot after it came to life');
  await finish(name, viewer, hanging);
});

test('only the agent answers queries, once', { skip }, async () => {
  const { name, viewer } = await terminal();
  const other = TestViewer.attach(agent, name);
  await other.until(() => other.snapshots === 1, 'a snapshot');
  await run(
    name,
    `printf '\\e[5;9H\\e[6n'; IFS= read -rsd R -t 5 a; IFS= read -rs -t 0.3 b; printf 'got %q and %q.' "$a" "$b"`,
  );
  await viewer.sees("got $'\\E[5;9' and ''.");
  await finish(name, viewer, other);
});

test('a terminal whose shell ended stays readable and gets a new shell on Enter', { skip }, async () => {
  const { name, viewer } = await terminal();
  assert.deepEqual(await run(name, 'echo last words; exit 7'), { exitStatus: 7 });
  await viewer.until(() => viewer.exits.length === 1, 'the end');
  assert.deepEqual(viewer.exits, [7]);
  const late = TestViewer.attach(agent, name);
  await late.until(() => late.exits.length === 1, 'the end');
  assert.ok((await late.picture()).lines.includes('last words'));
  late.type('x');
  late.type('\r');
  await late.until(() => late.atPrompt, 'a new prompt');
  const { terminals } = await agent.call('terminal.list', {});
  assert.equal(terminals.find(one => one.terminal === name)?.exitStatus, null);
  assert.deepEqual(await run(name, 'exit 3'), { exitStatus: 3 });
  assert.deepEqual(await run(name, 'true'), { exitStatus: 0 });
  await finish(name, viewer, late);
});

test('run waits for the prompt, drops what was half typed, and tells the status', { skip }, async () => {
  const { name, viewer } = await terminal();
  assert.deepEqual(await run(name, '(exit 9)'), { exitStatus: 9 });
  assert.deepEqual(await run(name, 'echo one\nfalse'), { exitStatus: 1 });
  viewer.type('rm -rf something');
  await viewer.sees('rm -rf something');
  assert.deepEqual(await run(name, 'echo clean'), { exitStatus: 0 });
  await viewer.sees('clean\r\n\x1b]133;D;0');
  await viewer.until(() => viewer.atPrompt, 'the prompt');
  viewer.type('sleep 30\r');
  await viewer.until(() => !viewer.atPrompt, 'the command');
  const busy = { terminal: name, command: 'true', wait: 'prompt', promptTimeoutMs: 100, timeoutMs: 100 } as const;
  await assert.rejects(agent.call('terminal.run', busy), { code: 'busy' });
  await agent.call('terminal.interrupt', { terminal: name, timeoutMs: 3000 });
  await assert.rejects(agent.call('terminal.run', { ...busy, command: 'sleep 5' }), { code: 'timed-out' });
  await agent.call('terminal.interrupt', { terminal: name, timeoutMs: 3000 });
  const both = await Promise.all([run(name, 'sleep 0.1; (exit 4)'), run(name, '(exit 5)')]);
  assert.deepEqual(both, [{ exitStatus: 4 }, { exitStatus: 5 }]);
  await finish(name, viewer);
});

test('terminals survive a server that goes and a reset of the sandbox', { skip }, async () => {
  const { name, viewer } = await terminal();
  viewer.type('sleep 0.5; echo still here\r');
  await viewer.until(() => !viewer.atPrompt, 'the command');
  const second = await sandbox.connect();
  const third = TestViewer.attach(second, name, { resumeFrom: viewer.offset });
  second.close();
  assert.equal((await third.closed).code, 1);
  const fourth = await sandbox.connect();
  const back = TestViewer.attach(fourth, name, { resumeFrom: viewer.offset });
  await back.sees('still here\r\n');
  await back.until(() => back.atPrompt, 'the prompt');
  await agent.call('file.write', { path: 'work.yaml', content: 'mine' });
  const { kept } = await agent.call('reset', { files: ['work.yaml', 'not-there.yaml'] });
  assert.deepEqual(
    kept.map(({ from }) => from),
    ['work.yaml'],
  );
  assert.equal((await agent.call('file.read', { path: kept[0]!.to, maximumBytes: 100 })).content, 'mine');
  assert.deepEqual(await run(name, 'true'), { exitStatus: 0 });
  assert.ok((await back.picture()).lines.includes('still here'));
  fourth.close();
  await finish(name, viewer);
});

test('names and sizes that cannot be are refused or clamped', { skip }, async () => {
  for (const bad of ['', '../x', 'a b', 'x'.repeat(100), '\x1b[31m']) {
    const viewer = TestViewer.attach(agent, bad);
    assert.equal((await viewer.closed).code, 1);
  }
  const { name, viewer } = await terminal({ columns: 60000, rows: 60000 });
  const { terminals } = await agent.call('terminal.list', {});
  const found = terminals.find(one => one.terminal === name)!;
  assert.deepEqual([found.columns, found.rows], [500, 200]);
  await finish(name, viewer);
});
