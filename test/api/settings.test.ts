import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCommandLine } from '../../server/command-line.ts';
import { StartError } from '../../server/errors.ts';
import { atEnd } from './at-end.ts';
import { temporaryFolder } from './harness.ts';
import { start } from './process.ts';

async function settingsOf(args: string[], environment: Record<string, string> = {}) {
  return (await readCommandLine(args, environment)).settings;
}

async function mistakeOf(args: string[], environment: Record<string, string> = {}): Promise<string> {
  const error = await readCommandLine(args, environment).catch(thrown => thrown);
  assert.ok(error instanceof StartError);
  return error.message;
}

test('a flag goes before the environment, that before the file, that before the default', async context => {
  const data = await temporaryFolder(context);
  const port = async (args: string[], environment: Record<string, string> = {}) =>
    (await settingsOf(['--data', data, ...args], environment)).port;
  assert.equal(await port([]), 8080);
  await writeFile(join(data, 'config.yaml'), '# what this class needs\nport: 7001\nidle-timeout: 30\n');
  assert.equal(await port([]), 7001);
  assert.equal(await port([], { UNICORN_PORT: '7002' }), 7002);
  assert.equal(await port(['--port', '7003'], { UNICORN_PORT: '7002' }), 7003);
  assert.equal(await port(['--port=7004']), 7004);
  const { idleTimeout } = await settingsOf([], { UNICORN_DATA: data });
  assert.equal(idleTimeout, 30);
});

test('mistakes are named with their place', async context => {
  const data = await temporaryFolder(context);
  const file = join(data, 'config.yaml');
  const inFile = async (text: string) => {
    await writeFile(file, text);
    return mistakeOf(['--data', data]);
  };
  assert.equal(await inFile('port: 7001\nprot: 7\n'), `${file}:2: unknown setting "prot"`);
  assert.equal(await inFile('\nport: abc\n'), `${file}:2: port is "abc"; it takes a whole number from 0 to 65535`);
  assert.equal(await inFile('port: [1]\n'), `${file}:1: port is ""; it takes a single value`);
  assert.equal(await inFile('- port\n'), `${file}:1: not a list of settings`);
  assert.match(await inFile('port: 1\nport: 2\n'), /config\.yaml:2: .*unique/);
  assert.match(await inFile('host: "127\n'), /config\.yaml:\d: /);
  assert.equal(await mistakeOf(['--port', '70000']), '--port is "70000"; it takes a whole number from 0 to 65535');
  assert.equal(await mistakeOf(['--port']), '--port needs a value');
  assert.equal(await mistakeOf(['--prot', '1']), 'unknown argument "--prot"');
  assert.equal(await mistakeOf(['nonsense']), 'unknown argument "nonsense"');
  assert.match(
    await mistakeOf([], { UNICORN_PROVIDER: 'cloud' }),
    /^UNICORN_PROVIDER is "cloud"; it takes one of local/,
  );
  assert.match(await mistakeOf(['--public-url', 'ftp://x']), /^--public-url is "ftp:\/\/x"/);
  assert.match(await mistakeOf(['--public-url', 'https://x/path']), /without a path/);
});

test("an organisation's sign-in is set up by flags or variables, and mistakes in it are told", async () => {
  const { oidc } = await settingsOf(
    ['--oidc-issuer', 'https://login.example.org/realm', '--oidc-client-id', ' workshop ', '--oidc-learners', 'a, b'],
    { UNICORN_OIDC_CLIENT_SECRET: 's', UNICORN_OIDC_INSTRUCTORS: 'teachers', UNICORN_OIDC_SCOPE: 'openid groups' },
  );
  assert.deepEqual(
    { ...oidc, issuer: oidc.issuer?.href },
    {
      ...{ issuer: 'https://login.example.org/realm', clientId: 'workshop', clientSecret: 's', scope: 'openid groups' },
      ...{ roleClaim: 'groups', instructors: ['teachers'], learners: ['a', 'b'], nameClaim: 'name' },
    },
  );
  const issuer = (text: string) => mistakeOf(['--oidc-issuer', text]);
  for (const text of [
    'nonsense',
    'http://login.example.org',
    'https://login.example.org/?a',
    'https://u@login.example',
  ])
    assert.match(await issuer(text), /^--oidc-issuer is ".*"; it takes an https address such as https:/, text);
  const local = await settingsOf(['--oidc-issuer', 'http://127.0.0.1:9000']);
  assert.equal(local.oidc.issuer?.port, '9000');
  assert.match(
    await mistakeOf(['--oidc-scope', 'profile']),
    /^--oidc-scope is "profile"; it takes words .* openid among/,
  );
  assert.match(await mistakeOf(['--oidc-instructors', 'a,,b']), /^--oidc-instructors is "a,,b"; it takes one or more/);
  assert.match(await mistakeOf(['--oidc-client-id', ' ']), /^--oidc-client-id is " "; it takes some text/);
});

test('DATABASE_URL is taken where it is PostgreSQL and nothing else is said', async () => {
  const url = 'postgres://user@host/db';
  const database = async (args: string[], environment: Record<string, string>) =>
    (await settingsOf(args, environment)).databaseUrl;
  assert.equal(await database([], {}), null);
  assert.equal(await database([], { DATABASE_URL: 'mysql://host/db' }), null);
  assert.equal(await database([], { DATABASE_URL: url }), url);
  assert.equal(await database([], { DATABASE_URL: 'postgres://other/db', UNICORN_DATABASE_URL: url }), url);
  assert.match(await mistakeOf(['--database-url', 'mysql://host/db']), /^--database-url is .* such as postgres:/);
});

test('a back-up and its restore are told with their file', async context => {
  const data = await temporaryFolder(context);
  const file = join(data, 'class.backup');
  const nothing = await start(context, ['backup', '--data', data]).ended;
  assert.equal(nothing.code, 2);
  assert.match(nothing.errors, /backup needs the name of a file/);
  const written = await start(context, ['backup', file, '--data', data]).ended;
  assert.deepEqual([written.code, written.output], [0, `0 rows written to ${file}\n`], written.errors);
  const restored = await start(context, ['restore', file, '--data', join(data, 'other')]).ended;
  assert.deepEqual([restored.code, restored.output], [0, `0 rows restored from ${file}\n`], restored.errors);
  const missing = await start(context, ['restore', `${file}x`, '--data', data]).ended;
  assert.equal(missing.code, 1);
  assert.match(missing.errors, /^\S+x cannot be read \(ENOENT\)/);
});

test('a database that is not there is told in words, without its password', async context => {
  const data = await temporaryFolder(context);
  const url = `postgres://user:hidden@/db?host=${data}`;
  const { code, errors } = await start(context, ['--json', '--port', '0', '--data', data], { DATABASE_URL: url }).ended;
  assert.equal(code, 1);
  assert.match(errors, /^The database cannot be used: /);
  assert.doesNotMatch(errors, /hidden|at \w+ \(|\.ts:/);
});

test('the program tells mistakes and help in words, and by its exit code', async context => {
  const wrong = await start(context, ['--port', 'x']).ended;
  assert.equal(wrong.code, 2);
  assert.match(wrong.errors, /--port is "x"/);
  assert.doesNotMatch(wrong.errors, /at \w+ \(|\.ts:/);
  const help = await start(context, ['--help']).ended;
  assert.equal(help.code, 0);
  assert.match(help.output, /--public-url URL/);
  assert.match(help.output, /doctor/);
});

test('a taken port is named, with what to do', async context => {
  const blocker = createServer().listen(0, '127.0.0.1');
  atEnd(context, () => blocker.close());
  await once(blocker, 'listening');
  const { port } = blocker.address() as { port: number };
  const data = await temporaryFolder(context);
  const { code, errors, output } = await start(context, ['--json', '--port', String(port), '--data', data]).ended;
  assert.equal(code, 1);
  assert.equal(output, '');
  assert.match(errors, new RegExp(`^Port ${port} is taken`));
  assert.match(errors, /--port \d+/);
  assert.doesNotMatch(errors, /at \w+ \(|\.ts:/);
});

test('what keeps the server from starting is told in words, with what to do', async context => {
  const data = await temporaryFolder(context);
  const tells = async (args: string[], message: RegExp, remedy: RegExp) => {
    const { code, output, errors } = await start(context, ['--json', '--port', '0', ...args]).ended;
    assert.deepEqual([code, output], [1, '']);
    assert.match(errors, message);
    assert.match(errors, remedy);
    assert.doesNotMatch(errors, /at \w+ \(|\.ts:/);
  };
  const file = join(data, 'file');
  await writeFile(file, 'no database, and no folder');
  await tells(['--data', join(file, 'below')], /^the data folder .* cannot be made \(ENOTDIR\)/, /--data FOLDER/);
  await tells(
    ['--data', data, '--labs', join(data, 'none')],
    /^the workshop in .*none cannot be read/,
    /--labs FOLDER/,
  );
  await copyFile(file, join(data, 'unicorn.sqlite'));
  await tells(['--data', data], /^The database unicorn\.sqlite .*: file is not a database\./, /damaged.*move it away/);
  await mkdir(join(data, 'config.yaml'));
  await tells(['--data', data], /config\.yaml: cannot be read \(EISDIR\)/, /may read, or remove it/);
});

test('two servers do not share a data folder', async context => {
  const data = await temporaryFolder(context);
  const { learner } = await start(context, ['--json', '--port', '0', '--data', data]).addresses();
  const other = await start(context, ['--json', '--port', '0', '--data', data]).ended;
  assert.equal(other.code, 1);
  assert.match(other.errors, /Another Unicorn uses the data folder/);
  const same = await start(context, ['--json', '--port', learner.port, '--data', data]).ended;
  assert.match(same.errors, new RegExp(`Port ${learner.port} is taken`));
});

test('on all addresses, what is printed is what others can open', async context => {
  const data = await temporaryFolder(context);
  const program = start(context, ['--json', '--port', '0', '--host', '0.0.0.0', '--data', data]);
  const { learner } = await program.addresses();
  assert.notEqual(learner.hostname, '0.0.0.0');
  const answer = await fetch(`${learner.origin}/api/me`);
  assert.equal(((await answer.json()) as { alone: boolean }).alone, false);
});

test('behind a proxy, the addresses are its own, and what it passes to is told', async context => {
  const data = await temporaryFolder(context);
  const program = start(context, ['--port', '0', '--public-url', 'https://workshop.example.org', '--data', data]);
  const text = await program.until(/Ctrl-C ends it/);
  assert.match(text, /Learn: {6}https:\/\/workshop\.example\.org\/#code=/);
  assert.match(text, /Instructor: https:\/\/workshop\.example\.org\/instructor#secret=/);
  const passesTo = /passes to: (http:\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1] ?? '';
  const answer = await fetch(`${passesTo}/api/me`);
  assert.equal(((await answer.json()) as { alone: boolean }).alone, false);
});
