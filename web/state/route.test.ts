import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRoute, pathOf, type Route } from './route.ts';

const routes: [string, Route][] = [
  ['/', { view: 'start' }],
  ['/lessons/2.6', { view: 'lesson', lesson: '2.6' }],
  ['/slides', { view: 'slides', slide: null }],
  ['/slides/a%2Fb', { view: 'slides', slide: 'a/b' }],
  ['/instructor', { view: 'instructor' }],
  ['/check', { view: 'check' }],
];

for (const [path, route] of routes)
  test(path, () => {
    assert.deepEqual(parseRoute(path), route);
    assert.equal(pathOf(route), path);
  });

test('what is unknown or malformed is the start, and never throws', () => {
  assert.deepEqual(parseRoute('/nowhere'), { view: 'start' });
  assert.deepEqual(parseRoute('/lessons/%zz'), { view: 'lesson', lesson: '%zz' });
});
