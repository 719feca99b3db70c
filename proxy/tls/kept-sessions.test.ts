import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptSessions } from './kept-sessions.ts';
import { compileTlsContext } from './tls-context.ts';

const [context, later] = [compileTlsContext(undefined, 'client'), compileTlsContext(undefined, 'client')];
const session = (name: string, ticket: string, of = context) => ({
  ...{ name, context: of, peer: undefined },
  ticket: Buffer.from(ticket),
});

test('the newest sessions are kept, one for each name', () => {
  const kept = new KeptSessions<string>(2);
  const found = (name: string) => kept.find(context, name)?.ticket.toString();
  kept.add(session('a', '1'));
  kept.add(session('b', '2'));
  kept.add(session('a', '3'));
  assert.deepEqual(['a', 'b', 'c'].map(found), ['3', '2', undefined]);
  kept.add(session('c', '4'));
  assert.deepEqual(['a', 'b', 'c'].map(found), ['3', undefined, '4']);
});

test('sessions end with the context in which the host was verified', () => {
  const kept = new KeptSessions<string>(2);
  kept.add(session('a', '1'));
  assert.equal(kept.find(later, 'a'), undefined);
  kept.add(session('b', '2', later));
  assert.equal(kept.find(context, 'a'), undefined);
});

test('none are kept where none may be', () => {
  const kept = new KeptSessions<string>(0);
  kept.add(session('a', '1'));
  assert.equal(kept.find(context, 'a'), undefined);
});
