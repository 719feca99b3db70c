/** What decided a request or a connection, as it is kept and told. */
import type { Path } from '../configuration/errors.ts';

/** What kind of thing decided. */
export type Decider =
  | 'listener'
  | 'filter chain'
  | 'virtual host'
  | 'route'
  | 'filter'
  | 'cluster'
  | 'load balancer'
  | 'try'
  | 'retry'
  | 'circuit breaker'
  | 'timeout'
  | 'end';

/** A resource that came while the proxy runs. */
export interface ResourceName {
  /** The message that it is: `envoy.config.route.v3.RouteConfiguration`. */
  type: string;
  name: string;
  version: string;
}

/** Where the configuration says so. */
export interface Origin {
  /** Undefined: the bootstrap. */
  resource: ResourceName | undefined;
  /** From the root of the bootstrap, or of the resource. */
  path: Path;
}

/** One of the things that made a request or a connection go as it went. */
export interface Decision {
  by: Decider;
  /** Which one: a name, or its place in a list. */
  name: string;
  /** In words. */
  why: string;
  /** Undefined where no configuration says so. */
  origin: Origin | undefined;
}

/** All that decided a request or a connection, in the order in which it was decided. */
interface Explained {
  /** Of a request its x-request-id, of a connection what logs call STREAM_ID; where it has none, one that no other has. */
  id: string;
  /** Milliseconds since the epoch. */
  atMs: number;
  protocol: string;
  /** In Envoy's short names, `-` for none. */
  flags: string;
  details: string;
  durationMs: number;
  decisions: readonly Decision[];
}

export interface RequestExplanation extends Explained {
  method: string;
  authority: string;
  path: string;
  /** 0 where no response was sent. */
  status: number;
}

/** Of a connection that carries bytes, or that nobody got. */
export interface ConnectionExplanation extends Explained {
  /** `ip:port` of both ends downstream. */
  remoteAddress: string;
  localAddress: string;
  /** Asked for by SNI; '' where none was. */
  serverName: string;
  bytesReceived: number;
  bytesSent: number;
}

export type Explanation = RequestExplanation | ConnectionExplanation;
