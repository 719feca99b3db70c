import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeLength } from './length.ts';
import { importsOf, judge } from './rooms.ts';

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
