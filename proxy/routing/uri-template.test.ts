import assert from 'node:assert/strict';
import { test } from 'node:test';
import { templatePattern, templateRewrite } from './uri-template.ts';

const matches: [template: string, matching: string[], others: string[]][] = [
  ['/', ['/'], ['/a']],
  ['/a/', ['/a/'], ['/a']],
  ['/a/*', ['/a/b', '/a/b=c'], ['/a/', '/a/b/c']],
  ['/a/**', ['/a/', '/a/b/c'], ['/a']],
  ['/**.m4s', ['/a/b.m4s'], ['/a/b.m4sx', '/a/bxm4s']],
  ['/a/{b}', ['/a/b'], ['/a/', '/a/b/c', '/a/b|']],
  ['/a/{b=c/*}/d', ['/a/c/x/d'], ['/a/x/c/d']],
  ['/a{b}c/d', ['/axc/d'], ['/ac/d', '/ax/d']],
  ['/{a}.x/b', ['/y.x/b'], ['/yzx/b']],
];

for (const [template, matching, others] of matches)
  test(`${template} matches`, () => {
    const pattern = templatePattern(template);
    for (const path of matching) assert.ok(pattern.test(path), path);
    for (const path of others) assert.ok(!pattern.test(path), path);
  });

const refused: [template: string, reason: string][] = [
  ['a', 'Invalid pattern: "a"'],
  ['/a b', 'Invalid pattern: "/a b"'],
  ['/a//b', 'Invalid literal: ""'],
  ['/*{a}', 'Invalid literal: "{a}"'],
  ['/a*b', 'Invalid literal: "a*b"'],
  ['/a{b', 'Invalid literal: "a{b"'],
  ['/{b', 'Unmatched variable bracket in mixed pattern: "{b"'],
  ['/[{b}]', 'Invalid prefix literal: "["'],
  ['/{a}-{b}', 'Invalid suffix literal: "-{b}"'],
  ['/*.x/c', 'Prefix match not supported.'],
  ['/**/*', 'Glob after text glob.'],
  ['/**/{a}', 'Implicit variable path glob after text glob.'],
  ['/{a}/{a}', 'Repeated variable name: "a"'],
  ['/{1a}', 'Invalid variable name: "1a"'],
  ['/{a=}', 'Empty variable match'],
  ['/{a=b/}', 'Invalid variable match: "/"'],
  ['/{a}/{b}/{c}/{d}/{e}/{f}', 'Exceeded variable count limit (5)'],
];

for (const [template, reason] of refused)
  test(`${template} is refused`, () => {
    const message = `path_match_policy.path_template ${template} is invalid: ${reason}`;
    assert.throws(() => templatePattern(template), { message });
  });

test('a rewrite puts what was found elsewhere', () => {
  const rewrite = templateRewrite('/x/{c}/{b}', '/a/{b}/{c=**}');
  assert.equal(rewrite('/a/1/2/3'), '/x/2/3/1');
  assert.equal(rewrite('/b'), undefined);
});

test('rewrites name what the match does, and are paths', () => {
  const mismatch = 'mismatch between variables in path_match_policy /{b} and path_rewrite_policy /{c}';
  assert.throws(() => templateRewrite('/{c}', '/{b}'), { message: mismatch });
  for (const bad of ['x', '/a//b', '/{b', '/a b', '/{}'])
    assert.throws(() => templateRewrite(bad, '/{b}'), {
      message: `path_rewrite_policy.path_template_rewrite ${bad} is invalid`,
    });
});
