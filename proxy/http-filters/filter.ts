/** HTTP filters: what stands between the connection manager and the router, and sees requests and responses pass. */
import type { Message } from '@bufbuild/protobuf';
import type { ConfigSource } from '../api/envoy/config/core/v3/config_source_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import type { DemandedClusters } from '../cluster/demanded-clusters.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { StatsScope } from '../stats/store.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { SharedMemory } from '../workers/shared-memory.ts';

/**
 * What a filter says to a head: it goes on at once (`continue`), it waits and all that follows waits with it, until the filter lets it continue (`stop`), or it
 * waits while the body goes on to this filter, which collects it (`collect`).
 */
export type Verdict = 'continue' | 'stop' | 'collect';

/** What becomes of a part of the body: these bytes go on, or none do, since the filter keeps them. */
export type Passed = Buffer | 'hold';

/** What becomes of trailers: they go on, or the filter keeps them, since it keeps a part of the body that comes before. */
export type PassedTrailers = 'continue' | 'hold';

/** One stream, as a filter of it sees it. */
export interface FilterStream {
  readonly info: StreamInfo;
  readonly requestHeaders: RequestHeaders;
  /** The route; undefined where none matches, which the router says once it is asked. */
  readonly route: RouteEntry | undefined;
  /** What the route says to this filter, the most specific level; undefined: nothing. */
  readonly routeConfig: unknown;
  /** What each level says to this filter, the most specific first. */
  readonly routeConfigs: readonly unknown[];
  /** How much of a body may be kept, in bytes. */
  readonly bufferLimit: number;
  /** A whole number that is the same for all decisions about this request. */
  random(): number;
  elapsedMs(): number;
  /** The route is looked for again, since headers changed. */
  clearRoute(): void;
  /**
   * Asks for a route that is not there, and may come, while the request waits. What it says to filters holds for those behind this one, as in Envoy.
   * @param onDone is told once, not before this returns: the route was looked for again
   * @returns what gives up waiting; undefined: there is nothing to ask for
   */
  demandRoute(onDone: () => void): (() => void) | undefined;
  /** Lets the request go on after `stop` or `collect`; a collected body goes after the head. Not from within `onRequestHead`: return 'continue' there. */
  continueRequest(body?: Buffer, end?: boolean): void;
  /** The same for the response. */
  continueResponse(body?: Buffer, end?: boolean): void;
  /**
   * Passes more of the request's body on, after the filter held it: at once or later, and as much as there is, whatever came in. Whoever holds keeps the
   * order and says the end, with the last bytes or by trailers, which may be the filter's own.
   */
  sendRequestData(chunk: Buffer, end: boolean): void;
  sendRequestTrailers(trailers: HeaderMap): void;
  /** The same for the response. */
  sendResponseData(chunk: Buffer, end: boolean): void;
  sendResponseTrailers(trailers: HeaderMap): void;
  /** Answers in the upstream's stead; `adjust` changes the head before it goes out. A response that went out in part is broken off. */
  localReply(status: number, body: string, details: string, adjust?: (head: ResponseHeaders) => void): void;
  /** Answers in the upstream's stead with a head that is complete as it is: neither the route nor the protocol adds to it. */
  respond(head: ResponseHeaders, details: string): void;
  /** Begins anew with the request's head as it is now, and no body: the request has to be whole. `response` is what the client does not get. */
  recreate(response: ResponseHeaders): void;
  /** Answers that the request's body is larger than the filter may keep. */
  refuseBody(): void;
  /** Asks for less, or again, of the request's body: of the filters before this one, and of the client. Pauses are counted. */
  pauseRequest(): void;
  resumeRequest(): void;
  /** The same for the response. */
  pauseResponse(): void;
  resumeResponse(): void;
}

/** One filter for one stream. A filter overrides what it cares for. Chunks are valid during the call only. */
export abstract class StreamFilter {
  protected readonly stream: FilterStream;

  constructor(stream: FilterStream) {
    this.stream = stream;
  }

  onRequestHead(_head: RequestHeaders, _end: boolean): Verdict {
    return 'continue';
  }

  onRequestData(chunk: Buffer, _end: boolean): Passed {
    return chunk;
  }

  onRequestTrailers(_trailers: HeaderMap): PassedTrailers {
    return 'continue';
  }

  onResponseHead(_head: ResponseHeaders, _end: boolean): Verdict {
    return 'continue';
  }

  onResponseData(chunk: Buffer, _end: boolean): Passed {
    return chunk;
  }

  onResponseTrailers(_trailers: HeaderMap): PassedTrailers {
    return 'continue';
  }

  /** What this filter sends of the request is more than can be taken (true), or no longer is. May come more than once: it is counted. */
  onRequestCongested(_congested: boolean): void {}

  /** The same for the response. */
  onResponseCongested(_congested: boolean): void {}

  /** The stream is over, whichever way: what was begun is given up. */
  onStreamEnd(): void {}
}

/** What a filter may use that is there for as long as its listener. */
export interface FilterContext {
  /** `http.<stat_prefix>.` */
  scope: StatsScope;
  /** The root of all statistics. */
  rootScope: StatsScope;
  runtime: RuntimeValues | undefined;
  /** Whether the admin interface made this proxy fail health checks. */
  healthcheck: { readonly failed: boolean };
  /** The name of this node's cluster. */
  nodeCluster: string;
  cluster(name: string): Cluster | undefined;
  /** Clusters that come from there once they are asked for. @throws Error for a source that cannot be */
  demandedClusters(source: ConfigSource): DemandedClusters;
  /** Where all workers count together; undefined: there is one. */
  shared?: SharedMemory | undefined;
}

/** Makes a filter for one stream, always of the same class: which methods that class has of its own is looked up once. */
export type FilterFactory = (stream: FilterStream) => StreamFilter;

/** A kind of filter: how its configurations are compiled. */
export interface HttpFilterType {
  /** The message of its configuration. */
  typeName: string;
  /** The message that routes say to it, where that is another one. */
  routeTypeName?: string;
  compile(configuration: Message, context: FilterContext): FilterFactory;
  /** Compiles what a route says. Without it, routes can only switch the filter off. */
  compileRoute?(configuration: Message, context: RouteFilterContext): unknown;
}

/** What compiling for a route may use: it belongs to no listener. */
export type RouteFilterContext = Omit<FilterContext, 'scope' | 'healthcheck'>;
