/** Steps that count answers, and wait for what they bring about; parts of configurations with several clusters. */
import { setTimeout as wait } from 'node:timers/promises';
import { admin, type Place, readStats, type Step, together } from '../scenario.ts';
import { route } from './configuration.ts';

type Json = Record<string, unknown>;

/** A step: so many requests, one after the other, and how many had which answer. */
export function statuses(path: string, count: number, name = `${count} requests of ${path}`): Step {
  return {
    name,
    see: async ({ ports }: Place) => {
      const found: Record<string, number> = {};
      for (let i = 0; i < count; i++) {
        const response = await fetch(`http://127.0.0.1:${ports.listener}${path}`);
        await response.arrayBuffer();
        found[response.status] = (found[response.status] ?? 0) + 1;
      }
      return found;
    },
  };
}

/** A step: the same, where chance decides: whether the share of an answer is what it should be, within six standard deviations. */
export function share(path: string, status: number, expected: number, count = 400): Step {
  const inner = statuses(path, count);
  return {
    name: `${status} of ${count} requests of ${path}`,
    see: async place => {
      const found = (await inner.see(place)) as Record<string, number>;
      const deviation = Math.sqrt(count * expected * (1 - expected));
      const near = Math.abs((found[status] ?? 0) - count * expected) <= 6 * deviation;
      return near ? 'as it should be' : found;
    },
  };
}

/** Envoy counts in its main thread, and tells its workers a moment later; nothing shows when. */
const toldMs = 50;

/** A step: waits until a statistic has this value, and whoever serves requests knows. */
export function until(statistic: string, value: number): Step {
  return {
    name: `${statistic} is ${value}`,
    see: async ({ ports }: Place) => {
      const end = Date.now() + 10_000;
      for (;;) {
        const now = (await readStats(ports.admin, [statistic]))[statistic];
        if (now === String(value) || Date.now() > end) {
          await wait(toldMs);
          return now;
        }
        await wait(20);
      }
    },
  };
}

/** A step: asks until it is answered with this status. */
export function eventually(path: string, status: number): Step {
  return {
    name: `${path} comes to be answered with ${status}`,
    see: async ({ ports }: Place) => {
      const end = Date.now() + 10_000;
      for (;;) {
        const response = await fetch(`http://127.0.0.1:${ports.listener}${path}`);
        await response.arrayBuffer();
        if (response.status === status || Date.now() > end) return response.status;
        await wait(20);
      }
    },
  };
}

/** A step: another one, and by how much a statistic grew meanwhile. */
export function grownBy(statistic: string, inner: Step): Step {
  const read = async ({ ports }: Place) => Number((await readStats(ports.admin, [statistic]))[statistic]);
  return {
    name: `${inner.name}, and ${statistic}`,
    see: async place => {
      const before = await read(place);
      const seen = await inner.see(place);
      return { seen, grown: (await read(place)) - before };
    },
  };
}

/** How many hosts a cluster has, by their health. */
export const membershipStats = (name: string): string[] =>
  ['total', 'healthy', 'degraded', 'excluded', 'change'].map(stat => `cluster.${name}.membership_${stat}`);

/** What `/clusters` tells of the health in a cluster, in any order. */
export const health = (name: string): Step =>
  together(`health of ${name} in /clusters`, [
    admin(`/clusters?filter=^${name}$`, body =>
      body
        .split('\n')
        .filter(line => /::(outlier|health_flags|priority|(local_origin_)?success_rate)::/.test(line))
        .sort(),
    ),
    admin(`/clusters?filter=^${name}$&format=json`, body => {
      const [found] = (JSON.parse(body) as { cluster_statuses: Json[] }).cluster_statuses;
      const { host_statuses: hosts, success_rate_ejection_threshold: threshold } = found as {
        host_statuses: Json[];
      } & Json;
      const told = hosts.map(host => ({
        ...{ address: host.address, health: host.health_status, priority: host.priority },
        ...{ rate: host.success_rate, local: host.local_origin_success_rate },
      }));
      return { threshold, hosts: told.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) };
    }),
  ]);

/** Each cluster is reached by its name as the first part of the path. */
export const routesTo = (names: string[], more: Json = {}): Json[] =>
  names.map(name => route(`/${name}/`, name, { prefix_rewrite: '/', ...more }));
