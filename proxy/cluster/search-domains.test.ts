import assert from 'node:assert/strict';
import { test } from 'node:test';
import { searchRules, wholeNames } from './search-domains.ts';

const pod = 'nameserver 10.0.0.1\nsearch a.svc.cluster.local svc.cluster.local\noptions ndots:2 timeout:1\n';

test('a name with few dots is first tried within the domains', () => {
  const rules = searchRules(pod);
  assert.deepEqual(wholeNames('b', rules), ['b.a.svc.cluster.local', 'b.svc.cluster.local', 'b']);
  assert.deepEqual(wholeNames('b.c', rules), ['b.c.a.svc.cluster.local', 'b.c.svc.cluster.local', 'b.c']);
  assert.deepEqual(wholeNames('b.c.d', rules), ['b.c.d', 'b.c.d.a.svc.cluster.local', 'b.c.d.svc.cluster.local']);
});

test('a whole name is tried as it is', () => {
  assert.deepEqual(wholeNames('b.', searchRules(pod)), ['b.']);
  assert.deepEqual(wholeNames('b.c', searchRules('nameserver 10.0.0.1\n')), ['b.c']);
});
