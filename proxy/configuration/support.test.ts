import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { expressionSupport } from './expression-support.ts';
import { obeyed, supportOf } from './support.ts';

/** Reported as they stand by the admin interface, from the document. */
const reported = new Set([
  'envoy.config.core.v3.Node',
  'envoy.config.core.v3.BuildVersion',
  'envoy.type.v3.SemanticVersion',
  'envoy.config.core.v3.Extension',
  'envoy.config.core.v3.Metadata',
  // Evaluated by the package for CEL.
  ...Object.keys(expressionSupport).filter(name => name.startsWith('google.api.expr.')),
]);
/** Obeyed by taking only values that ask for what is done anyway. */
const byValue = new Set([
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.codec_type',
  'envoy.config.bootstrap.v3.Bootstrap.use_tcp_for_dns_lookups',
  'envoy.config.cluster.v3.Cluster.use_tcp_for_dns_lookups',
  'envoy.config.listener.v3.Listener.enable_mptcp',
  'envoy.config.core.v3.DnsResolverOptions.use_tcp_for_dns_lookups',
]);

test('every field that is said to be obeyed is read somewhere', () => {
  const top = join(import.meta.dirname, '..');
  const files = globSync('**/*.ts', { cwd: top, exclude: name => ['api', 'dist', 'api-generation'].includes(name) });
  const sources = files.filter(file => !/\.test\.ts$|(support|harmless)\.ts$/.test(file));
  const words = new Set(sources.flatMap(file => readFileSync(join(top, file), 'utf8').match(/\w+/g) ?? []));
  const unread = Object.entries(obeyed).flatMap(([type, fields]) =>
    reported.has(type)
      ? []
      : fields
          .split(' ')
          .map(field => field.split('=')[0]!)
          .filter(field => field !== '' && !words.has(field) && !words.has(camel(field)))
          .map(field => `${type}.${field}`),
  );
  assert.deepEqual(
    unread.filter(name => !byValue.has(name)),
    [],
  );
  for (const name of byValue) {
    const at = name.lastIndexOf('.');
    assert.ok(Array.isArray(supportOf(name.slice(0, at), name.slice(at + 1))));
  }
});

test('what has no effect is refused', () => {
  const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  for (const field of ['early_header_mutation_extensions', 'proxy_status_config'])
    assert.equal(supportOf(manager, field), false);
  assert.equal(supportOf('envoy.config.route.v3.RouteAction', 'early_data_policy'), false);
  assert.equal(supportOf('envoy.config.cluster.v3.Cluster', 'connection_pool_per_downstream_connection'), false);
});

function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
