/** Filters on a connection: what stands between the listener and the filter that takes the connection, and sees its bytes come. */
import type { Message } from '@bufbuild/protobuf';
import type { Cluster } from '../cluster/cluster.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { StatsScope } from '../stats/store.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { SharedMemory } from '../workers/shared-memory.ts';

/**
 * Whether the filters after this one see the connection, or what came on it: at once (`continue`), once this filter lets it continue (`wait`: all that comes
 * is kept until then), or never (`stop`).
 */
export type Verdict = 'continue' | 'wait' | 'stop';

/** A client's connection, as a filter of it sees it. */
export interface FilteredClient {
  /** What is known of it: addresses, the name asked for, certificates; flags and termination details that are set here are logged. */
  readonly info: StreamInfo;
  /** Ends it at once, on behalf of this proxy. */
  close(): void;
  /** Lets it go on after `wait`. Not before the method that said so returned. */
  continue(): void;
}

/** One filter for one connection. A filter overrides what it cares for. */
export abstract class NetworkFilter {
  protected readonly client: FilteredClient;

  constructor(client: FilteredClient) {
    this.client = client;
  }

  /** The connection is new. One that is stopped reaches no filter after this one, whatever comes: this filter has to close it. */
  onConnection(): Verdict {
    return 'continue';
  }

  /** Bytes came, or the client's end. Who stops has to close the connection. */
  onData(): Verdict {
    return 'continue';
  }

  /** The connection is over, whichever way. */
  onClose(): void {}
}

/** What a filter may use that is there for as long as its listener. */
export interface NetworkFilterContext {
  rootScope: StatsScope;
  cluster(name: string): Cluster | undefined;
  runtime: RuntimeValues | undefined;
  /** Where all workers count together; undefined: there is one. */
  shared?: SharedMemory | undefined;
}

/** Makes a filter for one connection. */
export type NetworkFilterFactory = (client: FilteredClient) => NetworkFilter;

/** A kind of filter: how its configurations are compiled. */
export interface NetworkFilterType {
  /** The message of its configuration. */
  typeName: string;
  compile(configuration: Message, context: NetworkFilterContext): NetworkFilterFactory;
}
