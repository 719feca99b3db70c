import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatsStore } from '../stats/store.ts';
import { Runtime } from './runtime.ts';

const document = {
  layered_runtime: {
    layers: [
      { name: 'static', static_layer: { foo: 1, bar: { baz: true } } },
      { name: 'admin', admin_layer: {} },
    ],
  },
};

test('the admin layer wins and can be taken back', () => {
  const runtime = new Runtime(document, new StatsStore());
  assert.equal(runtime.getNumber('foo', 9), 1);
  assert.ok(runtime.modify([['foo', '5']]));
  assert.deepEqual(runtime.dump(), {
    entries: {
      'bar.baz': { final_value: 'true', layer_values: ['true', ''] },
      foo: { final_value: '5', layer_values: ['1', '5'] },
    },
    layers: ['static', 'admin'],
  });
  runtime.modify([['foo', '']]);
  assert.equal(runtime.get('foo'), '1');
});

test('without an admin layer nothing can be changed', () => {
  const runtime = new Runtime({}, new StatsStore());
  assert.equal(runtime.modify([['foo', '5']]), false);
  assert.deepEqual(runtime.dump(), { entries: {}, layers: [] });
});
