/** Sends a request and judges the answer. */
import { connect, type Socket } from 'node:net';
import { RequestMethod } from '../api/enums.js';
import type { HealthCheck_HttpHealthCheck as Configuration } from '../api/envoy/config/core/v3/health_check_pb.js';
import type { Int64Range } from '../api/envoy/type/v3/range_pb.js';
import type { Host } from '../cluster/host.ts';
import { defaultLimits, type ResponseReceiver } from '../http/codec.ts';
import { RequestHeaders, type ResponseHeaders } from '../http/headers.ts';
import { ClientConnection, type ClientConnectionOwner } from '../http1/client-connection.ts';
import { openSocketTransport, openTransport } from '../net/handle-transport.ts';
import { defaultHighMark, type Transport } from '../net/transport.ts';
import { HeaderMutations } from '../routing/header-mutations.ts';
import { type StringTest, stringTest } from '../routing/string-match.ts';
import { StreamInfo } from '../stream-info.ts';
import type { TlsClient } from '../tls/tls-client.ts';
import { containsInOrder, payloadBytes } from './payload.ts';
import type { Finding, Probe, ProbeTarget } from './probe.ts';

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
  readonly reuse: boolean;
  /** Counts a comparison of that name. */
  readonly onVerify: () => void;

  constructor(configuration: Configuration, reuse: boolean, onVerify: () => void) {
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
    this.reuse = reuse;
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

export class HttpProbe implements Probe, ResponseReceiver, ClientConnectionOwner {
  readonly #settings: HttpProbeSettings;
  readonly #host: Host;
  readonly #target: ProbeTarget;
  readonly #tls: TlsClient | undefined;
  #socket: Socket | undefined;
  #connection: ClientConnection | undefined;
  #found: ((finding: Finding) => void) | undefined;
  #head: ResponseHeaders | undefined;
  #body = Buffer.alloc(0);

  /** @param tls undefined where connections are not encrypted */
  constructor(settings: HttpProbeSettings, host: Host, target: ProbeTarget, tls: TlsClient | undefined) {
    this.#tls = tls;
    this.#settings = settings;
    this.#host = host;
    this.#target = target;
  }

  look(found: (finding: Finding) => void): void {
    this.#found = found;
    this.#head = undefined;
    this.#body = Buffer.alloc(0);
    if (this.#connection !== undefined) this.#send(this.#connection);
    else this.#connect();
  }

  #connect(): void {
    const { address: host, port } = this.#target;
    const socket = connect({ host, port, noDelay: true });
    this.#socket = socket;
    socket.pause();
    socket.unref();
    socket.once('connect', () => {
      if (this.#socket !== socket) return;
      if (this.#tls === undefined) this.#begin(openTransport(socket, defaultHighMark));
      else this.#secure(this.#tls, socket);
    });
    socket.on('error', () => {
      if (this.#socket === socket && this.#connection === undefined) this.#end('unreachable', true);
    });
  }

  #secure(tls: TlsClient, socket: Socket): void {
    tls.handshake(socket, [], {
      onSecured: secured => {
        if (this.#socket === socket) this.#begin(openSocketTransport(secured, defaultHighMark));
        else secured.destroy();
      },
      onFailed: () => {
        if (this.#socket === socket) this.#end('unreachable', true);
      },
    });
  }

  #begin(transport: Transport): void {
    const connection = new ClientConnection(transport, this, defaultLimits);
    this.#connection = connection;
    this.#send(connection);
  }

  #send(connection: ClientConnection): void {
    const { method, path, body, mutations } = this.#settings;
    const head = new RequestHeaders();
    head.method = method;
    head.path = path;
    head.authority = this.#target.authority;
    head.set('user-agent', 'Envoy/HC');
    const info = new StreamInfo();
    info.upstreamHost = this.#host.name;
    mutations.apply(head, info);
    if (body.length > 0) head.set('content-length', String(body.length));
    connection.start(head, body.length === 0, this);
    if (body.length > 0) connection.sendData(body, true);
  }

  onHead(head: ResponseHeaders, end: boolean): void {
    this.#head = head;
    if (end) this.#judge();
  }

  onData(chunk: Buffer, end: boolean): void {
    const { receive, bodyLimit } = this.#settings;
    if (receive.length > 0 && this.#body.length < bodyLimit)
      this.#body = Buffer.concat([this.#body, chunk]).subarray(0, bodyLimit);
    if (end) this.#judge();
  }

  onTrailers(): void {
    this.#judge();
  }

  #judge(): void {
    const finding = this.#findingOf(this.#head!);
    const failsAtOnce = this.#head!.has('x-envoy-immediate-health-check-fail');
    // Also where it is known to be unhealthy already.
    if (failsAtOnce && (finding === 'unhealthy' || finding === 'retriable'))
      this.#host.flag('excluded_via_immediate_hc_fail', true);
    const found = this.#found;
    this.#found = undefined;
    found?.(finding);
  }

  #findingOf(head: ResponseHeaders): Finding {
    const { receive, expected, retriable, serviceName, onVerify } = this.#settings;
    if (receive.length > 0 && !containsInOrder(this.#body, receive)) return 'unhealthy';
    if (!expected(head.status)) return retriable(head.status) ? 'retriable' : 'unhealthy';
    if (serviceName !== undefined) {
      onVerify();
      if (!serviceName(head.get('x-envoy-upstream-healthchecked-cluster') ?? '')) return 'unhealthy';
    }
    return head.has('x-envoy-degraded') ? 'degraded' : 'healthy';
  }

  onReset(): void {
    this.#end('unreachable', true);
  }

  onExchangeDone(reusable: boolean): void {
    if (!reusable || !this.#settings.reuse) this.#drop();
  }

  onConnectionClosed(): void {
    this.#connection = undefined;
    this.#socket = undefined;
  }

  onSent(): void {}

  onInterim(): void {}

  onProtocolError(): void {}

  onUpstreamCongested(): void {}

  #end(finding: Finding, drop: boolean): void {
    const found = this.#found;
    this.#found = undefined;
    if (drop) this.#drop();
    found?.(finding);
  }

  #drop(): void {
    const [connection, socket] = [this.#connection, this.#socket];
    this.#connection = undefined;
    this.#socket = undefined;
    if (connection === undefined) socket?.destroy();
    else connection.close();
  }

  abort(): void {
    this.#found = undefined;
    this.#drop();
  }
}
