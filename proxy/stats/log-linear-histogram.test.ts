import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogLinearHistogram } from './log-linear-histogram.ts';

function histogramOf(...values: number[]): LogLinearHistogram {
  const histogram = new LogLinearHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

const fractions = [0, 0.25, 0.5, 0.75, 0.9, 0.99, 1];

/** The figures are what Envoy 1.40 printed for these recordings. */
test('quantiles are those that Envoy prints', () => {
  assert.deepEqual(histogramOf(0, 1, 4, 101).quantiles(fractions), [0, 0, 1.05, 4.05, 105, 105, 105]);
  assert.deepEqual(histogramOf(1, 1, 1, 1).quantiles(fractions), [1.02, 1.02, 1.04, 1.06, 1.08, 1.08, 1.08]);
  assert.equal(histogramOf(1, 1, 3).quantiles([0])[0], 1.0333333333333334);
  assert.ok(Number.isNaN(histogramOf().quantiles([0.5])[0]));
});

test('a bin counts as below a bound when it begins there', () => {
  assert.deepEqual(histogramOf(0, 1, 4, 101).countsBelow([0.5, 1, 5, 100, 250]), [1, 2, 3, 4, 4]);
});

test('the sum takes the harmonic mean of each bin', () => {
  assert.equal(histogramOf(0, 0, 3, 101).sum().toPrecision(32), '107.81108508977361282177298562601');
  assert.equal(histogramOf(10).sum(), 10.476190476190476);
});

test('every integer falls into the bin that holds it', () => {
  for (const value of [0, 1, 9, 10, 11, 99, 100, 101, 109, 110, 999, 1000, 123456789, 2 ** 40]) {
    const [bin] = histogramOf(value).bins();
    assert.ok(
      bin !== undefined && bin.low <= value && value <= bin.low + bin.width,
      `${value} in ${JSON.stringify(bin)}`,
    );
  }
});

test('merging adds, clearing empties', () => {
  const sum = histogramOf(1, 2);
  sum.merge(histogramOf(2, 300));
  assert.equal(sum.count, 4);
  assert.deepEqual(
    sum.bins().map(bin => bin.count),
    [1, 2, 1],
  );
  sum.clear();
  assert.deepEqual([sum.count, sum.bins()], [0, []]);
});
