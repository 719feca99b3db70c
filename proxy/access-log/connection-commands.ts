/** Operators that print how a request's two connections went, and how the request found its way. */
import type { StreamInfo } from '../stream-info.ts';
import { wantedFacts } from '../wanted-facts.ts';
import { type Compiler, number, span, text } from './command.ts';

/** Only of addresses within Envoy itself, of which there are none here: others have none. */
const endpointId =
  (address: (info: StreamInfo) => string): Compiler =>
  () =>
  info =>
    address(info) === '' ? undefined : '';

const closeType = (reset: boolean): string => (reset ? 'RemoteReset' : 'Normal');

/** A client is told by a reset of a host's; requests have a protocol, and are answered instead. */
const clientCloseType = ({ clientReset, hostReset, protocol }: StreamInfo): string =>
  hostReset && protocol === '' ? 'LocalReset' : closeType(clientReset);

const routeTime: Compiler = argument => {
  wantedFacts.routeTimes = true;
  return span(info => (info.routeSearchMs < 0 ? -1 : info.routeSearchMs * 1000))(argument);
};

/** Of a request below 0: its connection's was over before it came. */
const handshakeDuration: Compiler = () => info => {
  const securedMs = info.connectionTimes?.securedMs;
  return securedMs === undefined ? undefined : Math.trunc(securedMs - info.begunMs);
};

export const connectionCommands: Record<string, Compiler> = {
  CONNECTION_ID: number(info => info.connectionId),
  UPSTREAM_CONNECTION_ID: number(info => info.upstreamConnectionId),
  DOWNSTREAM_HANDSHAKE_DURATION: handshakeDuration,
  DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID: endpointId(info => info.downstreamLocalAddress),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID: endpointId(info => info.downstreamDirectLocalAddress),
  UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID: endpointId(info => (info.upstreamConnectionId === 0 ? '' : info.upstreamHost)),
  DOWNSTREAM_LOCAL_CLOSE_REASON: text(info => info.localCloseReason),
  UPSTREAM_LOCAL_CLOSE_REASON: text(info => info.upstreamLocalCloseReason),
  DOWNSTREAM_DETECTED_CLOSE_TYPE: text(clientCloseType),
  UPSTREAM_DETECTED_CLOSE_TYPE: text(info => (info.poolReadyMs < 0 ? '' : closeType(info.hostReset))),
  UPSTREAM_CONNECTION_POOL_READY_DURATION: span(info => info.poolReadyMs),
  ROUTE_RESOLUTION_COUNT: number(info => info.routeSearches),
  ROUTE_RESOLUTION_TIME_US: routeTime,
};
