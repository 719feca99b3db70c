import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { ServerNameMatcherSchema } from '../api/xds/type/matcher/v3/domain_pb.js';
import { MatcherSchema } from '../api/xds/type/matcher/v3/matcher_pb.js';
import type { UnpackedAny } from '../configuration/typed-config.ts';
import { compileMatcher, type Kinds } from './match-tree.ts';

/** Matches records by the names of their fields, and leads to the names of actions. */
const kinds: Kinds<Record<string, string>, string> = {
  input:
    ({ name }) =>
    data =>
      data[name],
  customTest: ({ name }) => {
    throw new Error(`no test ${name}`);
  },
  action: ({ name }) => name,
};

const compile = (json: JsonValue) => compileMatcher(fromJson(MatcherSchema, json), kinds);
const to = (name: string) => ({ action: { name } });
const is = (name: string, exact: string) => ({ single_predicate: { input: { name }, value_match: { exact } } });
const list = (...matchers: JsonValue[]) => ({ matcher_list: { matchers } });

test('a list goes on where what a predicate leads to does not match', () => {
  const inner = { matcher: list({ predicate: is('b', '1'), on_match: to('both') }) };
  const match = compile({
    ...list({ predicate: is('a', '1'), on_match: inner }, { predicate: is('a', '1'), on_match: to('second') }),
    on_no_match: to('none'),
  });
  assert.equal(match({ a: '1', b: '1' }), 'both');
  assert.equal(match({ a: '1' }), 'second');
  assert.equal(match({ b: '1' }), 'none');
});

test('what is not there is no empty text, and the opposite of any', () => {
  const match = compile(list({ predicate: is('a', ''), on_match: to('empty') }));
  assert.equal(match({ a: '' }), 'empty');
  assert.equal(match({}), undefined);
  const opposite = compile(list({ predicate: { not_matcher: is('a', '1') }, on_match: to('other') }));
  assert.equal(opposite({}), 'other');
});

test('of a name, the most specific domain that leads somewhere counts', () => {
  const domains = fromJson(ServerNameMatcherSchema, {
    domain_matchers: [
      { domains: ['*'], on_match: to('any') },
      { domains: ['*.b.c', 'B.C'], on_match: to('b') },
      { domains: ['a.b.c'], on_match: { matcher: list({ predicate: is('port', '1'), on_match: to('a') }) } },
    ],
  });
  const matcher = fromJson(MatcherSchema, {
    matcher_tree: { input: { name: 'name' }, custom_match: { name: 'domains', typed_config: {} } },
  });
  const tree = matcher.matcherType.value as unknown as { treeType: { value: { typedConfig: UnpackedAny } } };
  tree.treeType.value.typedConfig = { message: domains } as unknown as UnpackedAny;
  const match = compileMatcher(matcher, kinds);
  assert.equal(match({ name: 'A.b.c', port: '1' }), 'a');
  assert.equal(match({ name: 'a.b.c' }), 'b');
  assert.equal(match({ name: 'x.y.b.c' }), 'b');
  assert.equal(match({ name: 'b.c' }), 'b');
  assert.equal(match({ name: 'c' }), 'any');
  assert.equal(match({}), undefined);
});

test('what those who use it do not know is refused', () => {
  const custom = { single_predicate: { input: { name: 'a' }, custom_match: { name: 'odd' } } };
  assert.throws(() => compile(list({ predicate: custom, on_match: to('a') })), { message: 'no test odd' });
  const tree = { matcher_tree: { input: { name: 'a' }, custom_match: { name: 'odd' } } };
  assert.throws(() => compile(tree), { message: 'the matcher odd is not supported by this proxy' });
});
