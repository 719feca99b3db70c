/** What the agent does besides terminals, in a real sandbox. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentEvent, RequestTls } from '../../images/agent/protocol/messages.ts';
import type { AgentClient } from '../../server/agent/client.ts';
import { AgentError } from '../../server/agent/errors.ts';
import { makeSandbox, type TestSandbox, whyNoSandbox } from './sandbox.ts';

const reason = await whyNoSandbox();
const skip = reason === undefined ? false : reason;
const built = (path: string): boolean => existsSync(join(import.meta.dirname, '../..', path));
const withHttpbin = skip || (built('images/dist/httpbin.cjs') ? false : 'httpbin is not bundled');
const withProxy = withHttpbin || (built('proxy/dist/proxy.cjs') ? false : 'the proxy is not bundled');
let sandbox: TestSandbox;
let agent: AgentClient;
const events: AgentEvent[] = [];
const listeners = new Set<() => void>();

before(async () => {
  if (skip) return;
  sandbox = await makeSandbox();
  agent = await sandbox.connect();
  agent.onEvent(event => {
    events.push(event);
    for (const listener of listeners) listener();
  });
});
after(async () => {
  agent?.close();
  await sandbox?.end();
});

/** Resolves when an event was told for which `check` holds. */
function told(check: (event: AgentEvent) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`never told; there were ${JSON.stringify(events.slice(-5))}`)),
      10_000,
    );
    const look = (): void => {
      if (!events.some(check)) return;
      clearTimeout(timer);
      listeners.delete(look);
      resolve();
    };
    listeners.add(look);
    look();
  });
}

const execute = (command: string, user: 'learner' | 'checker' = 'learner', timeoutMs = 10_000) =>
  agent.call('execute', { command: ['sh', '-c', command], user, timeoutMs, maximumOutput: 10_000 });
const read = (path: string) => agent.call('file.read', { path, maximumBytes: 100_000 });

test('files are written and read as the learner; folders are made', { skip }, async () => {
  await agent.call('file.write', { path: 'deep/er/a.txt', content: 'äöü' });
  assert.equal((await read('/home/learner/deep/er/a.txt')).content, 'äöü');
  assert.match((await execute('stat -c %U deep deep/er deep/er/a.txt | sort -u')).standardOutput, /^learner\n$/);
  await agent.call('file.write', { path: 'deep/er/a.txt', content: 'x' });
  assert.equal((await read('deep/er/a.txt')).content, 'x');
  const { entries } = await agent.call('file.list', { path: 'deep/er' });
  assert.deepEqual(
    entries.map(({ name, kind, size }) => [name, kind, size]),
    [['a.txt', 'file', 1]],
  );
  await told(event => event.type === 'changed' && event.subject === 'files');
});

test('links lead nowhere out of the world, and what is no file is refused', { skip }, async () => {
  await execute(`mkdir -p l && cd l && ln -s /unicorn/world/config.json box && ln -s ../../../../../../unicorn up && ln -s /etc/passwd passwd &&
    ln -s /proc/1/root/unicorn proc && mkfifo fifo && ln -s loop loop && ln -s /dev/tty tty && mkdir folder && head -c 200000 /dev/zero > big`);
  const refused: [string, string][] = [
    ['l/box', 'not-found'],
    ['l/up/world/config.json', 'not-found'],
    ['l/fifo', 'invalid'],
    ['l/loop', 'invalid'],
    ['l/folder', 'invalid'],
    ['l/big', 'too-large'],
    ['/proc/1/environ', 'refused'],
    ['\0', 'invalid'],
    ['', 'invalid'],
    ['x'.repeat(300), 'invalid'],
  ];
  for (const [path, code] of refused) await assert.rejects(read(path), { code }, path);
  await assert.rejects(read('l/proc/world/config.json'));
  await assert.rejects(read('l/tty'));
  assert.match((await read('l/passwd')).content, /^learner:x:1000/m);
  for (const path of ['/etc/passwd', '/usr/bin/x', '/proc/self/x', 'l/passwd', 'l/fifo', 'l/folder'])
    await assert.rejects(agent.call('file.write', { path, content: 'x' }), AgentError, path);
});

test('programs run as their user with a fixed environment, bounded in time and output', { skip }, async () => {
  const found = await execute('id -un; echo "$PATH"; cat; echo err >&2; exit 3', 'checker');
  assert.equal(found.exitStatus, 3);
  assert.match(found.standardOutput, /^checker\n\/opt\/unicorn\/bin:/);
  assert.equal(found.standardError, 'err\n');
  assert.equal((await execute('yes | head -c 50000')).truncated, true);
  await assert.rejects(execute('sleep 60 & sleep 60', 'checker', 300), { code: 'timed-out' });
  assert.equal((await execute('pgrep -x sleep -u checker | wc -l')).standardOutput.trim(), '0');
  const began = performance.now();
  await execute('sleep 5 & echo started');
  assert.ok(performance.now() - began < 3000);
});

test('a fork bomb is contained, and the agent still answers', { skip, timeout: 40_000 }, async () => {
  await execute('bomb() { bomb | bomb & }; bomb', 'checker', 2000).catch(() => {});
  assert.ok((await agent.call('usage', {})).processes > 0);
  await agent.call('reset', { files: [] });
  assert.equal((await execute('echo alive')).standardOutput, 'alive\n');
});

test('requests come from inside the network of the learner, processes and ports are told', {
  skip: withHttpbin,
}, async () => {
  const run = { terminal: 'service', command: 'httpbin', promptTimeoutMs: 5000, timeoutMs: 5000 };
  await agent.call('terminal.run', { ...run, wait: 'typed' });
  await told(event => event.type === 'changed' && event.subject === 'processes');
  const ask = (url: string) => agent.call('http.request', { url, timeoutMs: 1000, maximumBody: 10_000 });
  for (let tries = 0; tries < 100; tries++) {
    const { ports } = await agent.call('port.list', {});
    if (ports.some(({ port, pid }) => port === 8000 && pid !== null)) break;
    assert.ok(tries < 99, 'httpbin does not listen');
  }
  const answer = await ask('http://httpbin:8000/headers');
  assert.equal(answer.status, 200);
  await assert.rejects(ask('http://proxy:15001/'), { code: 'refused' });
  await assert.rejects(ask('http://httpbin:8000/delay/5'), { code: 'timed-out' });
  await assert.rejects(ask('file:///etc/passwd'), { code: 'invalid' });
  const { processes } = await agent.call('process.list', {});
  assert.ok(processes.some(({ user, command }) => user === 1000 && command.some(part => part.includes('httpbin'))));
});

test('reports of requests and of changes are told; noise on their socket is not', { skip }, async () => {
  const report = {
    atMs: 1,
    method: 'GET',
    path: '/x'.repeat(1000),
    status: 200,
    attempts: [{ host: 5, status: 'x' }],
    cluster: null,
  };
  const lines = ['not json', 'null', '[]', JSON.stringify(report), '{"method":1}', 'x'.repeat(100)].join('\n');
  await agent.call('file.write', { path: 'lines', content: `${lines}\n` });
  await execute(
    `node -e "require('fs').createReadStream('lines').pipe(require('net').connect(process.env.PROXY_EVENTS))"`,
  );
  await told(
    event => event.type === 'traffic' && event.requests.length === 1 && event.requests[0]!.path.length === 512,
  );
  await execute(
    `node -e "require('net').connect(process.env.PROXY_EVENTS).end(JSON.stringify({ changed: 'configuration' }) + '\\n')"`,
  );
  await told(event => event.type === 'changed' && event.subject === 'configuration');
  await execute(
    `node -e "const s=require('net').connect(process.env.PROXY_EVENTS);s.on('error',()=>{});s.write('x'.repeat(5e6))"`,
  );
  assert.equal((await execute('echo alive')).standardOutput, 'alive\n');
});

const configuration = `
static_resources:
  listeners:
  - address: { socket_address: { address: 0.0.0.0, port_value: 15001 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{ match: { prefix: / }, route: { cluster: httpbin } }]
  clusters:
  - name: httpbin
    type: STRICT_DNS
    connect_timeout: 1s
    load_assignment:
      cluster_name: httpbin
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: httpbin, port_value: 8000 } } } }] }]
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
`;

const withLog = configuration.replace(
  'stat_prefix: ingress',
  `stat_prefix: ingress
          access_log:
          - name: stdout
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
              log_format: { text_format_source: { inline_string: "%REQ(:PATH)% gave %RESPONSE_CODE%\\n" } }`,
);

test('a configuration is replayed in a scratch copy', { skip: withProxy, timeout: 40_000 }, async () => {
  const requests = [{ url: 'http://proxy:15001/headers', count: 2 }, { url: 'http://proxy:15001/status/503' }];
  const found = await agent.call('replay', { configuration, requests, adminPaths: ['/stats'], timeoutMs: 15_000 });
  assert.equal(found.failure, undefined);
  assert.deepEqual(
    found.responses.map(one => ('status' in one ? one.status : one.error)),
    [200, 200, 503],
  );
  assert.deepEqual(
    found.arrivals.map(({ path }) => path),
    ['/headers', '/headers', '/status/503'],
  );
  assert.match(found.admin[0]!.body, /upstream_rq/);
  // What is under way takes longer than the request that is judged; it is not told, and it is waited for.
  const load = { url: 'http://proxy:15001/delay/1', count: 3 };
  const loaded = await agent.call('replay', {
    configuration,
    requests: [{ url: 'http://proxy:15001/get', load }, { url: 'http://proxy:15001/headers' }],
    timeoutMs: 15_000,
  });
  assert.equal(loaded.responses.length, 2);
  assert.deepEqual(
    loaded.arrivals.map(({ path }) => path),
    // As they are answered.
    ['/get', '/delay/1', '/delay/1', '/delay/1', '/headers'],
  );
  const logged = await agent.call('replay', {
    configuration: withLog,
    requests: [{ url: 'http://proxy:15001/get' }, { url: 'http://proxy:15001/status/418', log: true }],
    timeoutMs: 15_000,
  });
  assert.deepEqual(
    logged.responses.map(one => one.log),
    [undefined, ['/status/418 gave 418']],
  );
  // Where the time is too short for all, the first are told.
  const slow = { url: 'http://proxy:15001/delay/1', count: 10, timeoutMs: 2000 };
  const { responses } = await agent.call('replay', { configuration, requests: [slow], timeoutMs: 6000 });
  assert.ok(responses.length > 0 && responses.length < 5, `${responses.length} responses`);
  const broken = await agent.call('replay', { configuration: 'nonsense: 1', requests, timeoutMs: 15_000 });
  assert.match(broken.failure ?? '', /nonsense/);
  assert.deepEqual(broken.responses, []);
});

const given = join(import.meta.dirname, '../../labs/lessons/2.21-one-port/given');
const pem = (name: string): string => readFileSync(join(given, name), 'utf8');

/** Speaks TLS on port 8443 and answers who called; refuses who shows no certificate of ca.crt. */
const server = `
const { readFileSync: read } = require('node:fs');
const options = { key: read('shop.key'), cert: read('shop.crt'), ca: read('ca.crt'), requestCert: true };
const tell = socket => JSON.stringify([socket.servername, socket.getPeerCertificate().subjectaltname]);
const server = require('node:https').createServer(options, ({ socket }, answer) => answer.end(tell(socket)));
server.listen(8443, '127.0.0.1').on('tlsClientError', () => {});
`;

test('a request goes by TLS, with a name and a certificate', { skip }, async () => {
  for (const name of ['shop.key', 'shop.crt', 'ca.crt'])
    await agent.call('file.write', { path: name, content: pem(name) });
  await agent.call('file.write', { path: 'tls.js', content: server });
  const run = { terminal: 'tls', command: 'node tls.js', promptTimeoutMs: 10_000, timeoutMs: 10_000 };
  await agent.call('terminal.run', { ...run, wait: 'typed' });
  for (let tries = 0; ; tries++) {
    const { ports } = await agent.call('port.list', {});
    if (ports.some(({ port }) => port === 8443)) break;
    assert.ok(tries < 200, 'nothing listens on port 8443');
    await delay(50);
  }
  const till = { serverName: 'shop.example', certificate: pem('till.crt'), key: pem('till.key') };
  const ask = (tls: RequestTls, url = 'https://127.0.0.1:8443/') =>
    agent.call('http.request', { url, tls, timeoutMs: 5000, maximumBody: 1000 });
  const answer = await ask(till);
  assert.deepEqual(JSON.parse(answer.body), ['shop.example', 'URI:spiffe://corp.example/till']);
  assert.deepEqual(answer.certificate?.subjectAltNames, ['shop.example', 'www.shop.example']);
  const stranger = { certificate: pem('stranger.crt'), key: pem('stranger.key') };
  for (const tls of [{}, stranger]) await assert.rejects(ask(tls), { code: 'refused', message: /^the connection was/ });
  await assert.rejects(ask(till, 'https://127.0.0.1:8444/'), { code: 'refused', message: /nothing listens/ });
  await assert.rejects(ask({ certificate: 'x', key: 'x' }), { code: 'invalid' });
});

const asking = `
          - name: limits
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit
              domain: shop
              timeout: 2s
              rate_limit_service:
                transport_api_version: V3
                grpc_service: { envoy_grpc: { cluster_name: limits } }`;
const limitCluster = `
  - name: limits
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
    load_assignment:
      cluster_name: limits
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8081 } } } }] }]`;

test('a replay runs several proxies, and a rate limit service', { skip: withProxy, timeout: 40_000 }, async () => {
  const limited = configuration
    .replace('http_filters:', `http_filters:${asking}`)
    .replace(
      'route: { cluster: httpbin }',
      'route: { cluster: httpbin, rate_limits: [{ actions: [{ remote_address: {} }] }] }',
    )
    .replace('clusters:', `clusters:${limitCluster}`);
  const second = limited.replace('15001', '15002').replace('9901', '9902');
  const limits =
    'domain: shop\ndescriptors:\n- key: remote_address\n  rate_limit: { unit: minute, requests_per_unit: 2 }\n';
  const requests = [15001, 15002, 15001, 15002].map(port => ({ url: `http://proxy:${port}/get` }));
  const call = { configuration: limited, beside: [second], requests, timeoutMs: 20_000 };
  const found = await agent.call('replay', { ...call, limits });
  const statuses = ({ responses }: typeof found) => responses.map(one => ('status' in one ? one.status : one.error));
  assert.deepEqual([found.failure, statuses(found)], [undefined, [200, 200, 429, 429]]);
  // Nobody counts: all pass.
  assert.deepEqual(statuses(await agent.call('replay', call)), [200, 200, 200, 200]);
  const broken = await agent.call('replay', { ...call, limits: 'domain: shop\nlimits: 3\n' });
  assert.match(broken.failure ?? '', /rate-limit: .*limits\.yaml:2:9: limits: limits is not known here/);
  const tooMany = agent.call('replay', { ...call, beside: [second, second, second] });
  await assert.rejects(tooMany, { code: 'invalid' });
});

test('a replay finds its files in the home; what the proxy refuses is told', { skip: withProxy }, async () => {
  const files = [{ path: 'certificates/x.txt', content: 'from a file' }];
  const fromFile = configuration.replace(
    'route: { cluster: httpbin }',
    'direct_response: { status: 200, body: { filename: certificates/x.txt } }',
  );
  const requests = [{ url: 'http://proxy:15001/' }, { url: 'https://proxy:15001/' }, { url: 'http://proxy:15002/' }];
  const found = await agent.call('replay', { configuration: fromFile, files, requests, timeoutMs: 15_000 });
  assert.equal(found.failure, undefined);
  const [read, plain, nobody] = found.responses;
  assert.equal(read && 'body' in read && read.body, 'from a file');
  // Neither refused anybody: one speaks no TLS, the other is not there.
  assert.match(plain && 'error' in plain ? plain.error : '', /does not speak TLS/);
  assert.match(nobody && 'error' in nobody ? nobody.error : '', /nothing listens/);
  assert.ok(![plain, nobody].some(one => one && 'refused' in one));
  const outside = agent.call('replay', {
    configuration,
    files: [{ path: '../x', content: '' }],
    requests,
    timeoutMs: 1,
  });
  await assert.rejects(outside, { code: 'invalid' });
});

test('a method that is not there, and parameters that are none, are refused', { skip }, async () => {
  await assert.rejects(agent.call('nothing' as 'usage', {}), { code: 'unsupported' });
  await assert.rejects(agent.call('constructor' as 'usage', {}), { code: 'unsupported' });
  await assert.rejects(agent.call('file.write', { path: 'x', content: 5 as unknown as string }), { code: 'invalid' });
  await assert.rejects(agent.call('execute', { command: [], user: 'learner', timeoutMs: 1, maximumOutput: 1 }), {
    code: 'invalid',
  });
  await assert.rejects(agent.call('file.write', { path: 'x', content: 'x'.repeat(2_000_000) }), { code: 'too-large' });
});

test('programs start from their compiled form', { skip: withProxy }, async () => {
  for (const program of ['proxy', 'httpbin', 'rate-limit']) {
    const command = ['bash', '-c', `NODE_DEBUG_NATIVE=COMPILE_CACHE ${program} --version 2>&1`];
    const { standardOutput } = await agent.call('execute', {
      command,
      user: 'learner',
      timeoutMs: 20_000,
      maximumOutput: 64 * 1024,
    });
    assert.match(standardOutput, new RegExp(`${program}\\.cjs was accepted`), standardOutput);
  }
});

test('a terminal in which the server starts a program is told to be away from its prompt', { skip }, async () => {
  const stands = (atPrompt: boolean) =>
    told(
      event =>
        event.type === 'terminals' &&
        event.terminals.some(one => one.terminal === 'starts' && one.atPrompt === atPrompt),
    );
  const run = { terminal: 'starts', wait: 'typed', promptTimeoutMs: 10_000, timeoutMs: 10_000 } as const;
  await agent.call('terminal.run', { ...run, command: 'true', wait: 'prompt' });
  await stands(true);
  events.length = 0;
  await agent.call('terminal.run', { ...run, command: 'sleep 60' });
  await stands(false);
  await agent.call('terminal.interrupt', { terminal: 'starts', timeoutMs: 10_000 });
});
