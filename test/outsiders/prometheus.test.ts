/** A real Prometheus scrapes the proxy and answers what people ask of it. @see https://prometheus.io/docs/prometheus/latest/querying/api/ */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { findProgram } from '../clients/programs.ts';
import { freePorts } from '../conformance/scenario.ts';
import { bootstrap, cluster, route } from '../conformance/scenarios/configuration.ts';
import { ours, type Running, start } from '../conformance/subject.ts';
import { startUpstreams, type Upstreams } from '../conformance/upstream.ts';

const program = findProgram('prometheus', 'UNICORN_PROMETHEUS');
const skip =
  program === undefined &&
  'no Prometheus here (Debian: prometheus): name it by UNICORN_PROMETHEUS, or put it on the PATH';

const seconds = 1000;
const requests = 20;

interface Sample {
  metric: Record<string, string>;
  value: [time: number, text: string];
}

describe('Prometheus', { skip, timeout: 90 * seconds }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  let proxy: Running | undefined;
  let upstreams: Upstreams | undefined;
  let prometheus: ChildProcess | undefined;
  let [listener = 0, admin = 0, web = 0]: number[] = [];

  const query = async (expression: string): Promise<Sample[]> => {
    const answer = await fetch(`http://127.0.0.1:${web}/api/v1/query?${new URLSearchParams({ query: expression })}`);
    const { status, data, error } = (await answer.json()) as {
      status: string;
      data: { result: Sample[] };
      error?: string;
    };
    assert.equal(status, 'success', error);
    return data.result;
  };

  /** The first sample of an expression, once that is there; it gives no sample where what it asks for is not true. */
  const sample = async (expression: string): Promise<Sample> => {
    for (const until = Date.now() + 20 * seconds; ; await wait(100)) {
      const [first] = await query(expression).catch(() => []);
      if (first !== undefined) return first;
      assert.ok(Date.now() < until, `no sample of ${expression}`);
    }
  };

  before(async () => {
    [listener = 0, admin = 0, web = 0] = await freePorts(3);
    upstreams = await startUpstreams();
    const parts = { routes: [route('/', 'httpbin')], clusters: [cluster('httpbin', [upstreams.httpbin])] };
    const file = join(folder, 'proxy.json');
    const ports = { ...upstreams, listener, admin };
    writeFileSync(file, JSON.stringify(bootstrap(ports, join(folder, 'access.log'), parts)));
    proxy = await start(ours, file, admin, 400);
    for (let i = 0; i < requests; i++) await (await fetch(`http://127.0.0.1:${listener}/status/418`)).text();
    const scrape = {
      job_name: 'proxy',
      metrics_path: '/stats/prometheus',
      static_configs: [{ targets: [`127.0.0.1:${admin}`] }],
    };
    const configuration = { global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: [scrape] };
    // JSON is YAML too.
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(configuration));
    const flags = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${web}`,
      '--log.level=error',
    ];
    prometheus = spawn(program!, flags, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  });

  after(async () => {
    if (prometheus?.exitCode === null) {
      prometheus.kill('SIGTERM');
      await once(prometheus, 'close');
    }
    await proxy?.stop();
    await upstreams?.close();
    rmSync(folder, { recursive: true });
  });

  it('finds the proxy up and keeps all that it says', async () => {
    await sample('up{job="proxy"} == 1');
    const scraped = Number((await sample('scrape_samples_scraped{job="proxy"} > 0')).value[1]);
    const kept = Number((await sample('scrape_samples_post_metric_relabeling{job="proxy"} > 0')).value[1]);
    assert.ok(scraped > 200, `${scraped} samples`);
    assert.equal(kept, scraped);
  });

  it('has the labels that Envoy takes out of the names', async () => {
    const answered = await sample(`envoy_cluster_upstream_rq{envoy_response_code="418"} == ${requests}`);
    assert.equal(answered.metric.envoy_cluster_name, 'httpbin');
    const classes = await sample(`envoy_http_downstream_rq_xx{envoy_response_code_class="4"} == ${requests}`);
    assert.equal(classes.metric.envoy_http_conn_manager_prefix, 'ingress');
  });

  it('computes quantiles of the histograms', async () => {
    const bucket = 'envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="httpbin"}';
    const median = await sample(`histogram_quantile(0.5, ${bucket}) > 0`);
    assert.ok(Number(median.value[1]) < 5 * seconds, `${median.value[1]} ms`);
    await sample(`envoy_cluster_upstream_rq_time_count{envoy_cluster_name="httpbin"} == ${requests}`);
  });

  it('knows the types', async () => {
    const answer = await fetch(`http://127.0.0.1:${web}/api/v1/targets/metadata`);
    const { data } = (await answer.json()) as { data: { metric: string; type: string }[] };
    const types = Object.fromEntries(data.map(({ metric, type }) => [metric, type]));
    assert.equal(types.envoy_cluster_upstream_rq, 'counter');
    assert.equal(types.envoy_cluster_membership_healthy, 'gauge');
    assert.equal(types.envoy_cluster_upstream_rq_time, 'histogram');
  });
});
