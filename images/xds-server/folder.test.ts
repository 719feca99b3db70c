import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, it } from 'node:test';
import { Folder } from './folder.ts';

describe('the folder of a control plane', () => {
  let path: string;
  before(() => {
    path = mkdtempSync(join(tmpdir(), 'xds-server-'));
  });
  after(() => rmSync(path, { recursive: true }));
  const write = (name: string, text: string): void => writeFileSync(join(path, name), text);
  const mistake = (name: string, text: string): string => {
    write(name, text);
    return [...new Folder(path).read().mistakes.values()].join();
  };

  it('is read kind by kind, and again only where it changed', () => {
    write('clusters.yaml', '- { name: a }\n- name: b\n');
    const folder = new Folder(path);
    const names = () =>
      [...folder.read().resources].map(([kind, list]) => [kind.name, ...list.map(({ name }) => name)].join(' '));
    assert.ok(names().includes('CDS a b'));
    write('endpoints.yaml', '- cluster_name: a\n');
    assert.deepEqual(names(), ['EDS a']);
    assert.deepEqual(names(), []);
  });

  it('names file, line and reason of what cannot be sent', () => {
    const cases: [string, RegExp][] = [
      [
        '- name: a\n  conect_timeout: 1s\n',
        /^clusters\.yaml:2: \[0\]\.conect_timeout: no such field .*connect_timeout/,
      ],
      ['- name: a\n- name: a\n', /^clusters\.yaml:2: \[1\]: a is there twice/],
      ['- connect_timeout: 1s\n', /^clusters\.yaml:1: \[0\]: a Cluster needs a name/],
      ['name: a\n', /^clusters\.yaml:1: expected a list/],
      ['- name: [\n', /^clusters\.yaml:\d: not valid YAML/],
    ];
    for (const [text, message] of cases) assert.match(mistake('clusters.yaml', text), message);
    assert.equal(mistake('clusters.yaml', '# nothing yet\n'), '');
  });

  it('leaves it to proxies to judge what can be sent', () => {
    const bad = '- { name: a, virtual_hosts: [{ name: b, domains: ["*"] }, { name: c, domains: ["*"] }] }\n';
    assert.equal(mistake('routes.yaml', bad), '');
  });
});

describe('the program xds-server', { timeout: 60_000 }, () => {
  let path: string;
  let child: ChildProcess | undefined;
  before(() => {
    path = mkdtempSync(join(tmpdir(), 'xds-server-'));
  });
  after(() => rmSync(path, { recursive: true }));
  afterEach(() => child?.kill('SIGKILL'));
  const start = (...args: string[]): ChildProcess => {
    child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return child;
  };

  it('follows the files while they are edited, and ends when it is told to', async () => {
    writeFileSync(join(path, 'clusters.yaml'), '- name: a\n');
    const program = start(path, '--port', '0');
    const lines = createInterface({ input: program.stdout! })[Symbol.asyncIterator]();
    const next = async () => String((await lines.next()).value);
    assert.match(await next(), /^xds-server gives .* on 127\.0\.0\.1:\d+$/);
    assert.match(await next(), /^\d\d:\d\d:\d\d\.\d{3} clusters\.yaml: CDS version 1 is a$/);
    writeFileSync(join(path, 'clusters.yaml'), '- nam: a\n');
    assert.match(await next(), / CDS is not sent, version 1 stays:$/);
    assert.match(await next(), /^ {2}clusters\.yaml:1: .*no such field/);
    writeFileSync(join(path, 'clusters.yaml'), '- name: b\n');
    assert.match(await next(), / clusters\.yaml: CDS version 2 is b$/);
    program.kill('SIGINT');
    assert.deepEqual(await once(program, 'exit'), [0, null]);
  });

  it('says what is wrong with how it is started', async () => {
    for (const [args, message] of [
      [[], 'xds-server: name one folder: xds-server FOLDER\n'],
      [[join(path, 'none')], `xds-server: ${join(path, 'none')} is no folder\n`],
    ] as const) {
      const program = start(...args);
      let error = '';
      program.stderr!.on('data', chunk => {
        error += chunk;
      });
      assert.deepEqual(await once(program, 'close'), [1, null]);
      assert.equal(error, message);
    }
  });
});
