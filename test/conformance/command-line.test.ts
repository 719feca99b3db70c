/** Our proxy's command line beside Envoy's: the same status, and the words that a learner needs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { envoyIsMissing, findEnvoy, ours, runToEnd } from './subject.ts';

interface Case {
  name: string;
  args: string[];
  /** In what both print. */
  says?: RegExp;
}

const yaml = (text: string): string[] => ['--mode', 'validate', '--config-yaml', text];
const clusters = (text: string): string[] => yaml(`static_resources: { clusters: [${text}] }`);
/** A source that is asked by plain HTTP. */
const polled = (text: string, field = 'cds_config'): string[] => {
  const source = `{ api_type: REST, transport_api_version: V3, ${text} }`;
  const held = field === 'ads_config' ? source : `{ resource_api_version: V3, api_config_source: ${source} }`;
  const endpoint = 'endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } }';
  const assignment = `{ cluster_name: a, endpoints: [{ lb_endpoints: [{ ${endpoint} }] }] }`;
  const resources = `static_resources: { clusters: [{ name: a, load_assignment: ${assignment} }] }`;
  return yaml(`{ node: { id: a, cluster: b }, dynamic_resources: { ${field}: ${held} }, ${resources} }`);
};

const aggregate = (fields: string): string =>
  `{ name: x, typed_config: { "@type": type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig, ${fields} } }`;

const echo = (name: string, more = ''): string =>
  `{ name: ${name}, ${more} address: { socket_address: { address: 127.0.0.1, port_value: 1 } }, filter_chains: [{ filters: [{ name: e, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo } }] }] }`;

const cases: Case[] = [
  { name: 'the version', args: ['--version'], says: /version: \S+\/\d+\.\d+\.\d+/ },
  { name: 'help', args: ['--help'], says: /--config-path|-c/ },
  {
    name: 'no configuration',
    args: [],
    says: /At least one of --config-path or --config-yaml or Options::configProto\(\) should be non-empty/,
  },
  {
    name: 'an unknown flag',
    args: ['--nonsense'],
    says: /PARSE ERROR: Argument: --nonsense\n\s+Couldn't find match for argument/,
  },
  { name: 'an unknown mode', args: ['--mode', 'nonsense'], says: /error: unknown mode 'nonsense'/ },
  { name: 'an unknown log level', args: ['-l', 'nonsense'], says: /error: invalid log level specified 'nonsense'/ },
  { name: 'a number that is none', args: ['--concurrency', 'x'], says: /PARSE ERROR/ },
  {
    name: 'a file that is not there',
    args: ['--mode', 'validate', '-c', '/nowhere/x.yaml'],
    says: /\/nowhere\/x\.yaml/,
  },
  { name: 'an empty configuration', args: yaml('{}'), says: /configuration '' OK/ },
  { name: 'no YAML', args: yaml('a: ['), says: /error initializing configuration ''/ },
  { name: 'YAML that is no object', args: yaml('- a'), says: /error initializing configuration ''/ },
  { name: 'an unknown field', args: clusters('{ name: a, typ: STATIC }'), says: /typ\b/ },
  { name: 'an unknown enum value', args: clusters('{ name: a, type: STATICC }'), says: /STATICC/ },
  {
    name: 'a bad duration',
    args: clusters('{ name: a, connect_timeout: 1x }'),
    says: /clusters\[0\]\.connect_timeout/,
  },
  { name: 'a duration by its fields', args: clusters('{ name: a, connect_timeout: { seconds: "1", nanos: 5 } }') },
  {
    name: 'a duration with a field that it does not have',
    args: clusters('{ name: a, connect_timeout: { secs: 1 } }'),
    says: /secs/,
  },
  { name: 'a duration of half a nanosecond', args: clusters('{ name: a, connect_timeout: { nanos: 0.5 } }') },
  {
    name: 'a constraint',
    args: clusters("{ name: '' }"),
    says: /ClusterValidationError\.Name: value length must be at least 1 characters/,
  },
  {
    name: 'a negative time',
    args: clusters('{ name: a, connect_timeout: -1s }'),
  },
  {
    name: 'a port that is none',
    args: yaml('admin: { address: { socket_address: { address: 127.0.0.1, port_value: 99999 } } }'),
    says: /SocketAddressValidationError\.PortValue: value must be less than or equal to 65535/,
  },
  {
    name: 'an address that is none',
    args: yaml('admin: { address: { socket_address: { address: nohost, port_value: 1 } } }'),
    says: /malformed IP address: nohost/,
  },
  {
    name: 'a list as a runtime value',
    args: yaml('layered_runtime: { layers: [{ name: a, static_layer: { b: [1] } }] }'),
    says: /Invalid runtime entry value for b/,
  },
  { name: 'plain HTTP', args: polled('cluster_names: [a], refresh_delay: 1s') },
  {
    name: 'plain HTTP, without a delay',
    args: polled('cluster_names: [a]'),
    says: /refresh_delay is required for REST API configuration sources/,
  },
  {
    name: 'plain HTTP, from two',
    args: polled('cluster_names: [a, a], refresh_delay: 1s'),
    says: /must have a singleton cluster name specified/,
  },
  {
    name: 'plain HTTP, from nobody',
    args: polled('refresh_delay: 1s'),
    says: /API configs must have either a gRPC service or a cluster name defined/,
  },
  {
    name: 'plain HTTP, from one that is not there',
    args: polled('cluster_names: [b], refresh_delay: 1s'),
    says: /must have a statically defined non-EDS cluster: 'b' does not exist/,
  },
  {
    name: 'plain HTTP, from a gRPC service',
    args: polled('grpc_services: [{ envoy_grpc: { cluster_name: a } }], refresh_delay: 1s'),
    says: /if not a gRPC type, must not have a gRPC service specified/,
  },
  {
    name: 'plain HTTP for all kinds',
    args: polled('cluster_names: [a], refresh_delay: 1s', 'ads_config'),
    says: /type must be of non-aggregated gRPC/,
  },
  {
    name: 'original destinations with a balancer',
    args: clusters('{ name: a, type: ORIGINAL_DST, lb_policy: RANDOM }'),
    says: /cluster: LB policy RANDOM is not valid for Cluster type ORIGINAL_DST\. Only 'CLUSTER_PROVIDED' is allowed/,
  },
  {
    name: 'original destinations with hosts',
    args: clusters(
      '{ name: a, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, load_assignment: { cluster_name: a } }',
    ),
    says: /ORIGINAL_DST clusters must have no load assignment configured/,
  },
  {
    name: 'a header of original destinations that is not asked',
    args: clusters(
      '{ name: a, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, original_dst_lb_config: { http_header_name: x } }',
    ),
    says: /ORIGINAL_DST cluster: invalid config http_header_name=x and use_http_header is false/,
  },
  {
    name: 'original destinations that are cleaned up all the time',
    args: clusters('{ name: a, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, cleanup_interval: 0s }'),
  },
  {
    name: 'failures of DNS that are asked again ever sooner',
    args: clusters('{ name: a, type: STRICT_DNS, dns_failure_refresh_rate: { base_interval: 2s, max_interval: 1s } }'),
    says: /dns_failure_refresh_rate must have max_interval greater than or equal to the base_interval/,
  },
  {
    name: 'a DNS server by name',
    args: clusters(
      '{ name: a, type: STRICT_DNS, dns_resolvers: [{ socket_address: { address: ns, port_value: 1 } }] }',
    ),
    says: /malformed IP address: ns/,
  },
  {
    name: 'a resolver of names that is none',
    args: clusters(
      '{ name: a, type: STRICT_DNS, typed_dns_resolver_config: { name: x, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } } }',
    ),
    says: /Didn't find a registered implementation for 'x' with type URL: 'envoy\.extensions\.filters\.http\.router\.v3\.Router'/,
  },
  {
    name: 'a cluster of clusters with a balancer',
    args: clusters(`{ name: a, cluster_type: ${aggregate('clusters: [b]')} }`),
    says: /cluster manager: cluster provided LB not specified but cluster 'a' provided one/,
  },
  {
    name: 'a cluster of no clusters',
    args: clusters(`{ name: a, lb_policy: CLUSTER_PROVIDED, cluster_type: ${aggregate('clusters: []')} }`),
    says: /ClusterConfigValidationError\.Clusters: value must contain at least 1 item\(s\)/,
  },
  {
    name: 'a cluster of a type that is none',
    args: clusters('{ name: a, lb_policy: CLUSTER_PROVIDED, cluster_type: { name: nonsense } }'),
    says: /Didn't find a registered cluster factory implementation for name: 'nonsense'/,
  },
  {
    name: 'connections that come from two addresses of one family',
    args: clusters(
      '{ name: a, upstream_bind_config: { source_address: { address: 127.0.0.1, port_value: 0 }, extra_source_addresses: [{ address: { address: 127.0.0.3, port_value: 0 } }] } }',
    ),
    says: /Cluster a's upstream binding config has two same IP version source addresses\. Only two different IP version/,
  },
  {
    name: 'connections that come from somewhere else alone',
    args: clusters(
      "{ name: a, upstream_bind_config: { extra_source_addresses: [{ address: { address: '::1', port_value: 0 } }] } }",
    ),
    says: /Cluster a's upstream binding config has extra\/additional source addresses but no source_address\./,
  },
  {
    name: 'requests of each host',
    args: clusters('{ name: a, circuit_breakers: { per_host_thresholds: [{ max_requests: 1 }] } }'),
    says: /Unsupported field in per_host_thresholds/,
  },
  {
    name: 'far too many connections ahead',
    args: clusters('{ name: a, preconnect_policy: { per_upstream_preconnect_ratio: 5 } }'),
  },
  {
    name: 'two listeners of one address',
    args: yaml(`static_resources: { listeners: [${echo('a')}, ${echo('b', 'bind_to_port: false,')}] }`),
    says: /error adding listener: 'b' has duplicate address '127\.0\.0\.1:1' as existing listener/,
  },
  {
    name: 'a policy that the cluster has to provide',
    args: clusters('{ name: a, lb_policy: CLUSTER_PROVIDED }'),
    says: /cluster manager: cluster provided LB specified but cluster 'a' did not provide one/,
  },
];

describe('the command line', { skip: envoyIsMissing }, () => {
  for (const { name, args, says } of cases) {
    it(name, async () => {
      const theirs = await runToEnd(findEnvoy()!, [...args, '--base-id', String(process.pid % 30_000)]);
      const own = await runToEnd(ours, [...args, '--base-id', String(process.pid % 30_000)]);
      assert.equal(own.status, theirs.status, own.output);
      if (says) {
        assert.match(theirs.output, says);
        assert.match(own.output, says);
      }
    });
  }
});
