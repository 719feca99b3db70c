/** Limits how fast connections come, by a bucket of tokens (Envoy's local_ratelimit for connections). */
import type { Message } from '@bufbuild/protobuf';
import type { LocalRateLimit } from '../api/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.js';
import { type Bucket, bucketOf } from '../rate-limit/token-bucket.ts';
import { RuntimeSwitch } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import { sanitizeStatsName } from '../stats/store.ts';
import { flag } from '../stream-info.ts';
import {
  type FilteredClient,
  NetworkFilter,
  type NetworkFilterContext,
  type NetworkFilterType,
  type Verdict,
} from './network-filter.ts';

export const localRateLimit: NetworkFilterType = {
  typeName: 'envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit',
  compile(configuration, context) {
    const limit = limitOf(configuration as Message & LocalRateLimit, context);
    return client => new LocalRateLimitFilter(client, limit);
  },
};

/** What the connections under one limit share. */
interface Limit {
  enabled: RuntimeSwitch;
  bucket: Bucket;
  rateLimited: Counter;
}

function limitOf(configuration: LocalRateLimit, { rootScope, runtime, shared }: NetworkFilterContext): Limit {
  const { runtimeEnabled } = configuration;
  const byDefault = runtimeEnabled?.defaultValue ?? true;
  return {
    enabled: new RuntimeSwitch(byDefault, runtimeEnabled?.runtimeKey ?? '', runtime),
    bucket: bucketOf(configuration.tokenBucket!, shared),
    rateLimited: rootScope.counter(`local_rate_limit.${sanitizeStatsName(configuration.statPrefix)}.rate_limited`),
  };
}

class LocalRateLimitFilter extends NetworkFilter {
  readonly #limit: Limit;

  constructor(client: FilteredClient, limit: Limit) {
    super(client);
    this.#limit = limit;
  }

  override onConnection(): Verdict {
    const { enabled, bucket, rateLimited } = this.#limit;
    if (!enabled.on || bucket.take()) return 'continue';
    rateLimited.increment();
    // Envoy's own choice of a flag.
    this.client.info.flags |= flag.UPSTREAM_RETRY_LIMIT_EXCEEDED;
    this.client.close();
    return 'stop';
  }
}
