import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Maintenance } from './maintenance.ts';

class Values {
  version = 1;
  asked: string[] = [];
  percent: number;

  constructor(percent: number) {
    this.percent = percent;
  }

  get(): undefined {
    return undefined;
  }

  getNumber(key: string): number {
    this.asked.push(key);
    return this.percent;
  }
}

describe('maintenance mode', () => {
  it('is off without a runtime', () => {
    assert.equal(new Maintenance('a', undefined).refuses(), false);
  });

  it('asks for its key once per change of the runtime', () => {
    const values = new Values(100);
    const maintenance = new Maintenance('a', values);
    assert.deepEqual([maintenance.refuses(), maintenance.refuses()], [true, true]);
    values.percent = 0;
    values.version++;
    assert.deepEqual([maintenance.refuses(), maintenance.refuses()], [false, false]);
    assert.deepEqual(values.asked, Array(2).fill('upstream.maintenance_mode.a'));
  });
});
