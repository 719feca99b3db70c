import { deepEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Counters } from './counters.ts';

describe('counters', () => {
  const add = (counters: Counters, ...steps: [key: string, now: number][]) =>
    steps.map(([key, now]) => counters.add(key, 1, 'minute', now));

  it('begin anew with the minute of the clock', () => {
    deepEqual(add(new Counters(), ['a', 119], ['a', 119.5], ['a', 120], ['a', 179.2]), [
      { count: 1, untilReset: 1 },
      { count: 2, untilReset: 1 },
      { count: 1, untilReset: 60 },
      { count: 2, untilReset: 1 },
    ]);
  });

  it('begin anew as often after another beginning', () => {
    deepEqual(add(new Counters(119), ['a', 119], ['a', 120], ['a', 178.5], ['a', 179]), [
      { count: 1, untilReset: 60 },
      { count: 2, untilReset: 59 },
      { count: 3, untilReset: 1 },
      { count: 1, untilReset: 60 },
    ]);
  });

  it('count each key by itself, and all hits of a request', () => {
    const counters = new Counters();
    const counts = [counters.add('a', 3, 'hour', 0), counters.add('b', 1, 'hour', 0), counters.add('a', 2, 'hour', 1)];
    deepEqual(
      counts.map(({ count }) => count),
      [3, 1, 5],
    );
  });

  it('begin anew where the unit was changed', () => {
    const counters = new Counters();
    counters.add('a', 4, 'hour', 30);
    deepEqual(counters.add('a', 1, 'minute', 30), { count: 1, untilReset: 30 });
  });

  it('forget the windows that are over, and where there are none the oldest', () => {
    const counters = new Counters(0, 2);
    const counts = [
      counters.add('a', 1, 'second', 0),
      counters.add('b', 1, 'hour', 0),
      counters.add('c', 1, 'hour', 2), // in place of a
      counters.add('b', 1, 'hour', 2),
      counters.add('d', 1, 'hour', 3), // in place of b
      counters.add('c', 1, 'hour', 3),
      counters.add('b', 1, 'hour', 3),
    ];
    deepEqual(
      counts.map(({ count }) => count),
      [1, 1, 1, 2, 1, 2, 1],
    );
  });
});
