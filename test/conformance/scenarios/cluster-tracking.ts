/** What clusters measure where they are asked to: how much of their time requests use. */
import { request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';

const names = ['older', 'newer', 'plain', 'endless', 'tries', 'late', 'gone', 'empty'];
const ends = ['upstream_rq_timeout_budget_percent_used', 'upstream_rq_timeout_budget_per_try_percent_used'];

const measured = stats(...names.flatMap(name => ends.map(end => `cluster.${name}.${end}`)));

/** To the nearest 20 %: clocks do not tick alike. */
const nearly = (values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).map(([name, text]) => {
      const most = /P100\(\w+,([\d.]+)\)/.exec(text)?.[1];
      return [name, most === undefined ? text : `nearly ${Math.round(Number(most) / 20) * 20}`];
    }),
  );

export const clusterTracking: Scenario = {
  name: 'how much of their time requests use',
  config: (ports, log) => {
    const tracking = { track_timeout_budgets: true };
    const retry = (num: number) => ({ retry_on: '5xx', num_retries: num, per_try_timeout: '1s' });
    return bootstrap(ports, log, {
      bootstrap: { stats_flush_on_admin: true },
      routes: [
        route('/older', 'older'),
        route('/newer', 'newer'),
        route('/plain', 'plain'),
        route('/endless', 'endless', { timeout: '0s' }),
        route('/tries', 'tries', { timeout: '50s', prefix_rewrite: '/silent', retry_policy: retry(1) }),
        route('/late', 'late', { timeout: '1s', prefix_rewrite: '/silent' }),
        route('/empty', 'empty'),
        route('/gone', 'gone', { prefix_rewrite: '/disconnect' }),
      ],
      clusters: [
        cluster('older', [ports.raw], tracking),
        cluster('newer', [ports.raw], { track_cluster_stats: { timeout_budgets: true } }),
        cluster('plain', [ports.raw]),
        cluster('endless', [ports.raw], tracking),
        cluster('tries', [ports.raw], tracking),
        cluster('late', [ports.raw], tracking),
        cluster('empty', [], tracking),
        cluster('gone', [ports.raw], tracking),
      ],
    });
  },
  steps: [
    ...names.map(name => request(`/${name}`)),
    { name: 'how much was used', see: async place => nearly((await measured.see(place)) as Record<string, string>) },
  ],
};
