import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exampleMoves, type Move, parseWay, requestMoves } from './ways.ts';

const ways = ['p-way-1', 'p-way-2-stock', 'p-way-2-price'].flatMap(id => parseWay(id, null) ?? []);
const told = (moves: Move[]) =>
  moves.map(({ way, back, failed, mark }) => `${back ? '-' : '+'}${way.id.slice(6)}${failed ? '!' : ''}${mark}`);
const request = {
  ...{ atMs: 0, requestId: '', listener: 'shared', method: 'GET', path: '/', authority: 'price', status: 200 },
  ...{ flags: '-', durationMs: 1, cluster: 'price', explainedAt: '' },
};
const attempt = (status: number) => ({ host: '', status, flag: '-', startMs: 0, durationMs: 1 });

describe('the ways of a picture', () => {
  test('are arrows whose ids say so', () => {
    assert.equal(parseWay('p-arrow-0', null), undefined);
    assert.deepEqual(parseWay('p-way-2-stock', '503'), { id: 'p-way-2-stock', step: 2, branch: 'stock', mark: '503' });
  });
  test('an example goes there and back, and elsewhere the next time', () => {
    assert.deepEqual(told(exampleMoves(ways, 0)), ['+1', '+2-stock', '-2-stock', '-1200']);
    assert.deepEqual(told(exampleMoves(ways, 1)), ['+1', '+2-price', '-2-price', '-1200']);
    assert.deepEqual(told(exampleMoves([], 0)), []);
  });
  test('a branch may end before the others', () => {
    const more = [...ways, parseWay('p-way-1-lost', '404')!];
    assert.deepEqual(told(exampleMoves(more, 2)), ['+1-lost', '-1-lost404']);
  });
  test('an example may fail', () => {
    const refused = [parseWay('p-way-1', '503 UO')!];
    assert.deepEqual(told(exampleMoves(refused, 0)), ['+1', '-1!503 UO']);
  });
  test('a request goes to its cluster, as often as it was tried', () => {
    const moves = requestMoves(ways, { ...request, attempts: [attempt(503), attempt(200)] });
    assert.deepEqual(told(moves), ['+1', '+2-price', '-2-price!503', '+2-price', '-2-price200', '-1200']);
    assert.ok(moves.every(({ startMs }, index) => index === 0 || startMs > moves[index - 1]!.startMs));
  });
  test('what the proxy answers by itself goes no further', () => {
    assert.deepEqual(told(requestMoves(ways, { ...request, status: 404, flags: 'NR', attempts: [] })), [
      '+1',
      '-1404 NR',
    ]);
  });
});
