/**
 * Lets a service decide by gRPC whether a connection may pass, once it says something (Envoy's ext_authz for connections).
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/ext_authz_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type { ExtAuthz } from '../api/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js';
import { GrpcClient } from '../grpc/grpc-client.ts';
import {
  type CheckAnswer,
  type ConnectionCheckOptions,
  checkMethod,
  decodeCheck,
  encodeConnectionCheck,
} from '../http-filters/authorization-messages.ts';
import { type MetadataTest, metadataTest } from '../routing/metadata-match.ts';
import type { Counter, Gauge } from '../stats/stats.ts';
import { sanitizeStatsName } from '../stats/store.ts';
import { flag } from '../stream-info.ts';
import { AskingFilter } from './asking-filter.ts';
import type { FilteredClient, NetworkFilterContext, NetworkFilterType, Verdict } from './network-filter.ts';

export const extAuthz: NetworkFilterType = {
  typeName: 'envoy.extensions.filters.network.ext_authz.v3.ExtAuthz',
  compile(configuration, context) {
    const door = new Door(configuration as Message & ExtAuthz, context);
    return client => new ExtAuthzFilter(client, door);
  },
};

const usualTimeoutMs = 200;

/** What the connections under one configuration share. */
class Door {
  readonly client: GrpcClient;
  readonly options: ConnectionCheckOptions;
  readonly letsPassOnError: boolean;
  readonly asksFor: MetadataTest;
  readonly active: Gauge;
  readonly counted: Record<
    'total' | 'ok' | 'denied' | 'error' | 'failure_mode_allowed' | 'cx_closed' | 'disabled',
    Counter
  >;

  constructor(said: ExtAuthz, { rootScope, cluster }: NetworkFilterContext) {
    this.client = new GrpcClient(said.grpcService!, cluster);
    this.options = { tellsCertificate: said.includePeerCertificate, tellsServerName: said.includeTlsSession };
    this.letsPassOnError = said.failureModeAllow;
    this.asksFor = said.filterEnabledMetadata === undefined ? () => true : metadataTest(said.filterEnabledMetadata);
    const scope = rootScope.scope(`ext_authz.${sanitizeStatsName(said.statPrefix)}.`);
    this.active = scope.gauge('active');
    this.counted = {
      total: scope.counter('total'),
      ok: scope.counter('ok'),
      denied: scope.counter('denied'),
      error: scope.counter('error'),
      failure_mode_allowed: scope.counter('failure_mode_allowed'),
      cx_closed: scope.counter('cx_closed'),
      disabled: scope.counter('disabled'),
    };
  }
}

class ExtAuthzFilter extends AskingFilter {
  readonly #door: Door;
  #asked = false;

  constructor(client: FilteredClient, door: Door) {
    super(client);
    this.#door = door;
  }

  override onData(): Verdict {
    if (this.#asked) return 'continue';
    const { asksFor, client, options, active, counted } = this.#door;
    const { info } = this.client;
    if (!asksFor(info.metadata)) {
      counted.disabled.increment();
      return 'continue';
    }
    this.#asked = true;
    counted.total.increment();
    const startedMs = performance.now();
    const message = encodeConnectionCheck(info, options);
    const question = { client, method: checkMethod, message, timeoutMs: usualTimeoutMs, active, decode: decodeCheck };
    return this.ask(question, answer => this.#take(answer, Math.round(performance.now() - startedMs)));
  }

  /** @param answer undefined where the service gave none */
  #take(answer: CheckAnswer | undefined, tookMs: number): Verdict {
    const { counted, letsPassOnError } = this.#door;
    const outcome = answer === undefined ? 'error' : answer.passes ? 'ok' : 'denied';
    counted[outcome].increment();
    this.#noteMetadata(answer, tookMs);
    if (outcome === 'ok') return 'continue';
    if (outcome === 'error' && letsPassOnError) {
      counted.failure_mode_allowed.increment();
      return 'continue';
    }
    this.#close(outcome);
    return 'stop';
  }

  #noteMetadata(answer: CheckAnswer | undefined, tookMs: number): void {
    if (answer === undefined) return;
    const took = answer.passes ? { ext_authz_duration: tookMs } : {};
    const fields = { ...answer.metadata, ...took };
    if (Object.keys(fields).length > 0) this.client.info.setMetadata('envoy.filters.network.ext_authz', fields);
  }

  #close(outcome: 'denied' | 'error'): void {
    const { info } = this.client;
    this.#door.counted.cx_closed.increment();
    info.flags |= flag.UNAUTHORIZED_EXTERNAL_SERVICE;
    info.responseCodeDetails = `ext_authz_${outcome}`;
    this.client.close();
  }
}
