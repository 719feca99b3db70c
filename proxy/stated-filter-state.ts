/**
 * Filter state that a configuration states of requests and connections, for those who read it: logs, the TCP proxy, connections to hosts.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/advanced/well_known_filter_state
 */
import { compileFormatString } from './access-log/format-string.ts';
import type { FilterStateValue } from './api/envoy/extensions/filters/common/set_filter_state/v3/value_pb.js';
import type { StreamInfo } from './stream-info.ts';

/** The cluster that a TCP proxy is to use. */
export const clusterKey = 'envoy.tcp_proxy.cluster';
/** What hosts are told by SNI. */
export const serverNameKey = 'envoy.network.upstream_server_name';
const stringKey = 'envoy.string';

const kinds: ReadonlySet<string> = new Set([stringKey, clusterKey, serverNameKey]);

/** What is wrong with a value that a configuration states; undefined: nothing. */
export function filterStateProblem(key: string, factoryKey: string): string | undefined {
  const factory = factoryKey || key;
  if (kinds.has(factory)) return undefined;
  return factory.startsWith('envoy.')
    ? `filter state of the kind '${factory}' is not supported by this proxy`
    : `'${factory}' does not have an object factory`;
}

/** Keeps something for others. */
export type StateKeeper = (info: StreamInfo) => void;

/** @param level requests do not change what their connection keeps */
export function compileFilterState(values: readonly FilterStateValue[], level: 'connection' | 'request'): StateKeeper {
  const keepers = values.map(value => keeperOf(value, level));
  return info => {
    for (const keep of keepers) keep(info);
  };
}

function keeperOf(
  { key: { value: key = '' }, factoryKey, value, skipIfEmpty }: FilterStateValue,
  level: 'connection' | 'request',
): StateKeeper {
  const print = compileFormatString(value.case === 'formatString' ? value.value : undefined, '');
  const isString = (factoryKey || key) === stringKey;
  return info => {
    const text = print(info);
    if (text === '' && skipIfEmpty) return;
    info.filterState ??= new Map();
    const before = info.filterState.get(key);
    if (before !== undefined && before.level !== level) return;
    // As in Envoy the others have no other form.
    info.filterState.set(key, { text, fields: isString ? text : undefined, level });
  };
}
