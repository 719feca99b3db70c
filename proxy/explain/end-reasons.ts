/** What the end of a request tells of what decided it. */
import type { RouteEntry } from '../routing/route-entry.ts';
import { flag, type StreamInfo } from '../stream-info.ts';
import type { Decision } from './decision.ts';
import type { WrittenRoute } from './route-reasons.ts';
import type { WrittenPart } from './written-part.ts';

/** What is written of the things that a request met. */
export interface Met {
  written: WrittenRoute | undefined;
  entry: RouteEntry | undefined;
  cluster: WrittenPart | undefined;
  manager: WrittenPart | undefined;
  retryPolicy: WrittenPart | undefined;
}

/** @param info of a request that is over */
export function endReasons(info: StreamInfo, met: Met): Decision[] {
  return [...delay(info, met), ...timeout(info, met), ...unreachable(info, met), ...withoutRetry(info, met)];
}

/** The filter for faults held the request back. */
function delay(info: StreamInfo, { manager, written }: Met): Decision[] {
  if (!info.hasFlag(flag.DELAY_INJECTED)) return [];
  const type = 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault';
  const filter = manager?.items('http_filters').find(one => one.text('typed_config', '@type') === type);
  const name = filter?.text('name') ?? '';
  const { share, route, host, table } = written ?? {};
  const told = [share, route, host, table].map(level => level?.at('typed_per_filter_config', name));
  const own = told.find(level => level?.at('delay') !== undefined) ?? filter?.at('typed_config');
  return [{ by: 'filter', name, why: 'delayed the request', origin: (own?.at('delay') ?? own)?.origin }];
}

/** By what the response's details say. */
function timeout({ responseCodeDetails: details }: StreamInfo, { written, cluster, manager }: Met): Decision[] {
  const action = written?.route?.at('route');
  const found = (name: string, why: string, part: WrittenPart | undefined, around = action, usual = ''): Decision[] => {
    const limit = part === undefined ? usual : String(part.value);
    return [{ by: 'timeout', name, why: why.replace('LIMIT', limit), origin: (part ?? around)?.origin }];
  };
  switch (details) {
    case 'response_timeout':
      return found(
        'timeout',
        'all tries together took longer than LIMIT',
        action?.at('timeout'),
        action,
        '15s (the default)',
      );
    case 'stream_idle_timeout': {
      const idle = action?.at('idle_timeout') ?? manager?.at('stream_idle_timeout');
      return found('stream_idle_timeout', 'nothing moved for LIMIT', idle, manager, '300s (the default)');
    }
    case 'request_overall_timeout':
      return found(
        'request_timeout',
        'the request was not whole within LIMIT',
        manager?.at('request_timeout'),
        manager,
      );
    case 'max_duration_timeout': {
      const own = action?.at('max_stream_duration');
      if (own !== undefined)
        return [{ by: 'timeout', name: 'max_stream_duration', why: 'the stream took too long', origin: own.origin }];
      const common = manager?.at('common_http_protocol_options', 'max_stream_duration');
      return found('max_stream_duration', 'the stream took longer than LIMIT', common, manager);
    }
    case 'upstream_max_stream_duration_reached': {
      const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
      const path = [options, 'common_http_protocol_options', 'max_stream_duration'];
      const part = cluster?.at('typed_extension_protocol_options', ...path);
      return found('max_stream_duration', 'the try took longer than LIMIT', part, cluster);
    }
    default:
  }
  if (!details.includes('{connection_timeout')) return [];
  const part = cluster?.at('connect_timeout');
  return found('connect_timeout', 'no connection to the host within LIMIT', part, cluster, '5s (the default)');
}

/** No host could be asked. */
function unreachable({ responseCodeDetails: details, clusterName: name }: StreamInfo, { cluster }: Met): Decision[] {
  switch (details) {
    case 'no_healthy_upstream':
      return [
        {
          by: 'cluster',
          name,
          why: 'none of its hosts can take requests',
          origin: (cluster?.at('load_assignment') ?? cluster)?.origin,
        },
      ];
    case 'cluster_not_found':
      return [{ by: 'cluster', name, why: 'there is no cluster of this name', origin: undefined }];
    case 'maintenance_mode': {
      const why = `runtime key upstream.maintenance_mode.${name} turns requests away`;
      return [{ by: 'circuit breaker', name: 'maintenance mode', why, origin: undefined }];
    }
    default:
      return [];
  }
}

/** Envoy tries none of these again: neither what breakers refuse, nor what has no time left. */
const final = flag.UPSTREAM_OVERFLOW | flag.UPSTREAM_REQUEST_TIMEOUT;

/** A request failed at its host, and nobody asks for another try. */
function withoutRetry({ attempts, flags }: StreamInfo, { entry, written, retryPolicy }: Met): Decision[] {
  const last = attempts.at(-1);
  if (entry?.cluster === undefined || last === undefined || retryPolicy !== undefined) return [];
  const failed = last.status >= 500 || (last.status === 0 && last.flags !== 0);
  if (!failed || (flags & final) !== 0 || entry.cluster.retryPolicy !== undefined) return [];
  const why = 'neither the route nor its virtual host has a retry_policy';
  return [{ by: 'retry', name: 'none', why, origin: written?.route?.at('route')?.origin }];
}
