/** A real Zipkin takes the proxy's spans. @see https://zipkin.io/zipkin-api/ */
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

const java = findProgram('java', 'UNICORN_JAVA');
const archive = findProgram('zipkin.jar', 'UNICORN_ZIPKIN');
const skip =
  (java === undefined || archive === undefined) &&
  'no Zipkin here: name its executable jar by UNICORN_ZIPKIN, and have java on the PATH';

const seconds = 1000;

interface Span {
  traceId: string;
  id: string;
  parentId?: string;
  kind: string;
  name: string;
  duration: number;
  localEndpoint: { serviceName: string };
  tags: Record<string, string>;
}

describe('Zipkin', { skip, timeout: 180 * seconds }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'zipkin-'));
  let proxy: Running | undefined;
  let upstreams: Upstreams | undefined;
  let zipkin: ChildProcess | undefined;
  let [listener = 0, admin = 0, collector = 0]: number[] = [];

  /** Asks Zipkin until it answers what is looked for. */
  const ask = async <T>(path: string, isThere: (answer: T) => boolean): Promise<T> => {
    let last: unknown;
    for (const until = Date.now() + 60 * seconds; Date.now() < until; await wait(200)) {
      try {
        const answer = (await (await fetch(`http://127.0.0.1:${collector}${path}`)).json()) as T;
        if (isThere(answer)) return answer;
        last = answer;
      } catch (error) {
        last = error;
      }
    }
    assert.fail(`Zipkin says of ${path}: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
  };

  before(async () => {
    [listener = 0, admin = 0, collector = 0] = await freePorts(3);
    const properties = [
      '-Darmeria.ports[0].ip=127.0.0.1',
      `-Darmeria.ports[0].port=${collector}`,
      '-Darmeria.ports[0].protocols[0]=http',
    ];
    zipkin = spawn(java!, [...properties, '-jar', archive!], { cwd: folder, stdio: 'ignore' });
    upstreams = await startUpstreams();
    const tracing = {
      provider: {
        name: 'envoy.tracers.zipkin',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.config.trace.v3.ZipkinConfig',
          collector_cluster: 'collector',
          collector_endpoint: '/api/v2/spans',
          collector_endpoint_version: 'HTTP_JSON',
        },
      },
    };
    const parts = {
      manager: { tracing },
      routes: [route('/', 'httpbin')],
      clusters: [cluster('httpbin', [upstreams.httpbin]), cluster('collector', [collector])],
      bootstrap: { node: { id: 'front', cluster: 'front-proxy' } },
    };
    const file = join(folder, 'proxy.json');
    const ports = { ...upstreams, listener, admin };
    writeFileSync(file, JSON.stringify(bootstrap(ports, join(folder, 'access.log'), parts)));
    await ask<{ status: string }>('/health', ({ status }) => status === 'UP');
    proxy = await start(ours, file, admin, 410);
  });

  after(async () => {
    await proxy?.stop();
    if (zipkin?.exitCode === null) {
      zipkin.kill('SIGTERM');
      await once(zipkin, 'close');
    }
    await upstreams?.close();
    rmSync(folder, { recursive: true });
  });

  it('shows the trace of a request that nobody traced before', async () => {
    await (await fetch(`http://127.0.0.1:${listener}/status/418`)).text();
    const traces = await ask<Span[][]>('/api/v2/traces?serviceName=front-proxy', ({ length }) => length === 1);
    const [span] = traces[0]!;
    assert.equal(traces[0]!.length, 1);
    assert.equal(span?.tags['http.status_code'], '418');
    assert.equal(span?.tags.upstream_cluster, 'httpbin');
    assert.equal(span?.localEndpoint.serviceName, 'front-proxy');
    assert.ok(span!.duration > 0);
  });

  it("joins a caller's trace", async () => {
    const traceId = '463ac35c9f6413ad48485a3953bb6124';
    const headers = { 'x-b3-traceid': traceId, 'x-b3-spanid': 'a2fb4a1d1a96d312', 'x-b3-sampled': '1' };
    await (await fetch(`http://127.0.0.1:${listener}/headers`, { headers })).text();
    const spans = await ask<Span[]>(`/api/v2/trace/${traceId}`, found => Array.isArray(found) && found.length > 0);
    assert.equal(spans[0]?.tags['http.url'], `http://127.0.0.1:${listener}/headers`);
  });

  it('lists the service', async () => {
    await ask<string[]>('/api/v2/services', names => names.includes('front-proxy'));
  });
});
