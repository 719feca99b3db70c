/** Sends a request and judges the answer. */
import { RequestMethod } from '../api/enums.js';
import type { HealthCheck_HttpHealthCheck as Configuration } from '../api/envoy/config/core/v3/health_check_pb.js';
import type { Int64Range } from '../api/envoy/type/v3/range_pb.js';
import type { Host } from '../cluster/host.ts';
import { RequestHeaders } from '../http/headers.ts';
import { HeaderMutations } from '../routing/header-mutations.ts';
import { type StringTest, stringTest } from '../routing/string-match.ts';
import { StreamInfo } from '../stream-info.ts';
import { containsInOrder, payloadBytes } from './payload.ts';
import type { Finding, ProbeTarget } from './probe.ts';
import { type ProbeAnswer, type ProbeConnection, RequestProbe } from './request-probe.ts';

type StatusTest = (status: number) => boolean;

/** What the checks of all hosts of a cluster share. */
export class HttpProbeSettings {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
  readonly mutations: HeaderMutations;
  readonly expected: StatusTest;
  readonly retriable: StatusTest;
  readonly receive: readonly Buffer[];
  /** Bytes of a body that are looked at. */
  readonly bodyLimit: number;
  /** What has to be the name of the cluster that answers. */
  readonly serviceName: StringTest | undefined;
  /** Counts a comparison of that name. */
  readonly onVerify: () => void;

  constructor(configuration: Configuration, onVerify: () => void) {
    this.method = nameOf(configuration.method || RequestMethod.GET);
    this.path = configuration.path;
    this.body = payloadBytes(configuration.send);
    this.mutations = new HeaderMutations({
      add: configuration.requestHeadersToAdd,
      remove: configuration.requestHeadersToRemove,
    });
    this.expected =
      configuration.expectedStatuses.length === 0 ? status => status === 200 : inAny(configuration.expectedStatuses);
    this.retriable = inAny(configuration.retriableStatuses);
    this.receive = configuration.receive.map(payloadBytes);
    this.bodyLimit = Number(configuration.responseBufferSize ?? 1024) || Number.POSITIVE_INFINITY;
    this.serviceName = configuration.serviceNameMatcher && stringTest(configuration.serviceNameMatcher);
    this.onVerify = onVerify;
  }
}

/** The generated enums go from names to numbers only. */
const nameOf = (method: RequestMethod): string =>
  Object.entries(RequestMethod).find(([, number]) => number === method)?.[0] ?? 'GET';

/** The end of a range is not in it. */
function inAny(ranges: readonly Int64Range[]): StatusTest {
  return status => ranges.some(({ start, end }) => status >= start && status < end);
}

export class HttpProbe extends RequestProbe {
  readonly #settings: HttpProbeSettings;
  readonly #host: Host;

  constructor(settings: HttpProbeSettings, host: Host, target: ProbeTarget, connection: ProbeConnection) {
    super(target, connection, settings.receive.length > 0 ? settings.bodyLimit : 0);
    this.#settings = settings;
    this.#host = host;
  }

  protected question(): { head: RequestHeaders; body: Buffer } {
    const { method, path, body, mutations } = this.#settings;
    const head = new RequestHeaders();
    head.method = method;
    head.path = path;
    head.authority = this.target.authority;
    head.set('user-agent', 'Envoy/HC');
    const info = new StreamInfo();
    info.upstreamHost = this.#host.name;
    mutations.apply(head, info);
    if (body.length > 0) head.set('content-length', String(body.length));
    return { head, body };
  }

  protected judge(answer: ProbeAnswer): Finding {
    const finding = this.#findingOf(answer);
    const failsAtOnce = answer.head.has('x-envoy-immediate-health-check-fail');
    // Also where it is known to be unhealthy already.
    if (failsAtOnce && (finding === 'unhealthy' || finding === 'retriable'))
      this.#host.flag('excluded_via_immediate_hc_fail', true);
    return finding;
  }

  #findingOf({ head, body }: ProbeAnswer): Finding {
    const { receive, expected, retriable, serviceName, onVerify } = this.#settings;
    if (receive.length > 0 && !containsInOrder(body, receive)) return 'unhealthy';
    if (!expected(head.status)) return retriable(head.status) ? 'retriable' : 'unhealthy';
    if (serviceName !== undefined) {
      onVerify();
      if (!serviceName(head.get('x-envoy-upstream-healthchecked-cluster') ?? '')) return 'unhealthy';
    }
    return head.has('x-envoy-degraded') ? 'degraded' : 'healthy';
  }
}
