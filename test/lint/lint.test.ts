import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeLength } from './length.ts';
import { importsOf, judge } from './rooms.ts';
import { judgeTokens } from './tokens.ts';

const problems = (file: string, source: string) =>
  importsOf(file, source)
    .map(judge)
    .filter(problem => problem !== null);

describe('the lint of rooms', () => {
  const refused: [string, string][] = [
    ['proxy/main.ts', `import { a } from '../server/api.ts';`],
    ['proxy/http/codec.ts', `import {\n  a,\n  b,\n} from '../../images/httpbin/flaky.ts';`],
    ['server/main.ts', `import '../proxy/main.ts';`],
    ['server/agent/client.ts', `export { x } from '../../images/box/ids.ts';`],
    ['images/agent/main.ts', `const x = await import('../../server/api.ts');`],
    ['web/main.tsx', `import { Me } from '../server/api.ts';`],
    ['web/main.tsx', `import type { Store } from '../server/store/store.ts';`],
    ['control-plane/discovery/main.ts', `import { a } from '../../proxy/main.ts';`],
    ['proxy/routing/a.ts', `import { XSchema } from '../api/envoy/x_pb.js';`],
    ['labs/x.ts', `import type { Me } from '../server/api.ts';`],
    ['server/main.ts', `import { x } from '../test/fixtures/x.ts';`],
  ];
  for (const [file, source] of refused) {
    it(`refuses ${JSON.stringify(source)} in ${file}`, () => assert.equal(problems(file, source).length, 1));
  }

  const allowed: [string, string][] = [
    ['proxy/main.ts', `import { a } from './http/codec.ts'; import fs from 'node:fs';`],
    ['server/agent/client.ts', `import { kind } from '../../images/agent/protocol/frame.ts';`],
    ['web/main.tsx', `import type { Me } from '../server/api.ts';`],
    ['control-plane/discovery/main.ts', `import { a } from '../../proxy/api/envoy/x_pb.js';`],
    ['proxy/routing/a.ts', `import type { X } from '../api/envoy/x_pb.js';`],
    ['proxy/configuration/a.ts', `import { XSchema } from '../api/envoy/x_pb.js';`],
    ['server/sessions/a.test.ts', `import { x } from '../../test/fixtures/x.ts';`],
    ['test/api/a.test.ts', `import { x } from '../../proxy/main.ts';`],
  ];
  for (const [file, source] of allowed) {
    it(`allows ${JSON.stringify(source)} in ${file}`, () => assert.deepEqual(problems(file, source), []));
  }

  it('names file and line', () => {
    assert.match(
      problems('proxy/a.ts', `\n\nimport x from '../web/x.ts';`)[0] ?? '',
      /^proxy\/a\.ts:3: imports web\/x\.ts; /,
    );
  });
});

describe('the lint of lengths', () => {
  it('refuses more than 400 lines, unless the header names a table or a parser', () => {
    const lines = 'const x = 1;\n'.repeat(401);
    assert.match(judgeLength('a.ts', lines) ?? '', /^a\.ts: 401 lines/);
    assert.equal(judgeLength('a.ts', lines.slice(13)), null);
    assert.equal(judgeLength('a.ts', `/** The table of statuses. */\n${lines}`), null);
  });
});

describe('the lint of tokens', () => {
  const refused: [string, string][] = [
    ['web/styles/a.css', '  padding: 3px var(--space-2);'],
    ['web/styles/a.css', '  margin: -1px;'],
    ['web/styles/a.css', '  font-size: 0.9em;'],
    ['web/styles/a.css', '  transition: color 120ms;'],
    ['web/styles/a.css', '  color: #fff;'],
    ['web/styles/a.css', '  background: rgb(0 0 0 / 50%);'],
    ['web/styles/a.css', '  border: var(--line-width) solid red;'],
    ['web/a.tsx', `  return <p style="margin: 0 4px" />;`],
    ['web/a.tsx', `  const look = { '.x': { color: '#abcdef' } };`],
  ];
  for (const [file, source] of refused) {
    it(`refuses ${source.trim()} in ${file}`, () => assert.equal(judgeTokens(file, source).length, 1));
  }

  const allowed: [string, string][] = [
    ['web/styles/tokens.css', '  --space-1: 4px;'],
    ['web/styles/a.css', '@media (width < 1000px) {'],
    ['web/styles/a.css', '  /* no 4px,\n 2em */\n  width: calc(100vw - 2 * var(--space-1));'],
    ['web/styles/a.css', '  flex: 1 1 0;\n  white-space: nowrap;\n  inset: 0 auto 0 50%;'],
    ['web/a.tsx', `  return <p style={{ left: \`\${left}%\` }}>took 4 ms</p>;`],
    ['web/a.ts', `  const keys = ['#lesson', '0.4 ms'];`],
  ];
  for (const [file, source] of allowed) {
    it(`allows ${JSON.stringify(source)} in ${file}`, () => assert.deepEqual(judgeTokens(file, source), []));
  }

  it('names file and line', () => {
    assert.match(judgeTokens('web/a.css', '/* two\nlines */\n  top: 2px;')[0] ?? '', /^web\/a\.css:3: writes 2px; /);
  });
});
