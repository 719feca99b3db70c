import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { Aggregate, type Member } from './aggregate.ts';
import { hostsOf } from './endpoints.ts';
import type { Host } from './host.ts';

class Group implements Member {
  readonly overprovisioning = 140;
  readonly isAggregate = false;
  generation = 0;
  readonly name: string;
  hosts: readonly Host[];

  constructor(name: string, priorities: readonly number[]) {
    this.name = name;
    const endpoints = priorities.map((count, priority) => ({
      priority,
      lbEndpoints: Array.from({ length: count }, (_, index) => ({
        hostIdentifier: {
          case: 'endpoint',
          value: {
            hostname: '',
            address: {
              address: {
                case: 'socketAddress',
                value: { address: `10.0.${priority}.${index}`, portSpecifier: { case: 'portValue', value: 80 } },
              },
            },
          },
        },
      })),
    }));
    this.hosts = hostsOf({ loadAssignment: { endpoints } } as unknown as Cluster);
  }
}

function spread(aggregate: Aggregate<Group>): Record<string, number> {
  const found: Record<string, number> = {};
  for (let i = 0; i < 4000; i++) {
    const next = aggregate.next();
    const key = next === undefined ? 'nowhere' : `${next.cluster.name} ${next.level.priority}`;
    found[key] = (found[key] ?? 0) + 1;
  }
  return found;
}

test('what the priorities of the first cannot take goes to those of the next', () => {
  const [one, two] = [new Group('one', [2, 0, 2]), new Group('two', [1])];
  const clusters = new Map([one, two].map(group => [group.name, group]));
  const aggregate = new Aggregate<Group>({} as Cluster, ['one', 'absent', 'two'], undefined, name =>
    clusters.get(name),
  );
  assert.deepEqual(spread(aggregate), { 'one 0': 4000 });
  for (const host of one.hosts.slice(1)) host.flag('failed_active_hc', true);
  one.generation++;
  const { 'one 0': first = 0, 'two 0': last = 0, ...none } = spread(aggregate);
  assert.deepEqual(none, {});
  assert.ok(Math.abs(first - 2800) < 200 && first + last === 4000, `${first} and ${last}`);
  clusters.delete('one');
  assert.deepEqual(spread(aggregate), { 'two 0': 4000 });
  clusters.clear();
  assert.deepEqual(spread(aggregate), { nowhere: 4000 });
});
