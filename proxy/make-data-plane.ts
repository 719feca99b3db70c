/** The data plane of a worker, from what the command line and the bootstrap say. */
import { accessLogObserver } from './access-log/access-log.ts';
import { GrpcLoggers } from './access-log/grpc-logger.ts';
import type { LogTargets } from './access-log/sink.ts';
import type { Options } from './command-line.ts';
import type { LoadedConfiguration } from './configuration/load.ts';
import type { ResourceLoader } from './configuration/resource-loader.ts';
import type { Runtime } from './configuration/runtime.ts';
import { DataPlane } from './data-plane.ts';
import type { EventLines } from './events.ts';
import type { Explain } from './explain/explain.ts';
import type { Locality } from './load-balancing/localities.ts';
import type { Log } from './log.ts';
import type { StatsStore } from './stats/store.ts';
import type { Crew } from './workers/crew.ts';
import { encodeNode } from './xds/messages.ts';
import { XdsContext } from './xds/xds-context.ts';

export interface DataPlaneParts {
  store: StatsStore;
  log: Log;
  loader: ResourceLoader;
  runtime: Runtime;
  sinks: LogTargets;
  events: EventLines | undefined;
  /** Undefined: no request is explained. */
  explain?: Explain | undefined;
  /** Undefined where one worker serves. */
  crew: Crew | undefined;
}

export interface MadeDataPlane {
  plane: DataPlane;
  /** Where access logs go that are no files: to be closed once it has ended. */
  logServices: GrpcLoggers;
  node: { nodeId: string; nodeCluster: string };
}

/** Compiles it; nothing is opened. Throws what cannot work. */
export function makeDataPlane(
  { bootstrap, node, nodeDocument }: Pick<LoadedConfiguration, 'bootstrap' | 'node' | 'nodeDocument'>,
  options: Options,
  { store, log, loader, runtime, sinks, events, explain, crew }: DataPlaneParts,
): MadeDataPlane {
  const id = options.serviceNode ?? bootstrap.node?.id ?? '';
  const cluster = options.serviceCluster ?? bootstrap.node?.cluster ?? '';
  const bytes = encodeNode(node, id, cluster);
  const logServices = new GrpcLoggers({
    cluster: name => plane.cluster(name),
    node: bytes,
    stats: store.scope('access_logs.grpc_access_log.'),
  });
  const plane: DataPlane = new DataPlane(bootstrap, {
    store,
    xds: new XdsContext({
      loader,
      store,
      log,
      rejectUnknownFields: options.rejectUnknownDynamicFields,
      node: { id, cluster, bytes, document: { ...nodeDocument, id, cluster } },
      crew,
      heard: events?.configurationChanged,
    }),
    runtime,
    setRuntimeLayer: (name, values) => runtime.setLayer(name, values),
    accessLog: configs => accessLogObserver(configs, { files: sinks, services: logServices, runtime }),
    files: sinks,
    observers: events ? [events.observe] : [],
    explain,
    nodeCluster: cluster,
    nodeId: id,
    drain: { durationMs: options.drainTimeSeconds * 1000, gradual: options.drainStrategy === 'gradual' },
    locality: localityOf(bootstrap.node?.locality, options.serviceZone),
    crew,
  });
  return { plane, logServices, node: { nodeId: id, nodeCluster: cluster } };
}

/** What the command line says of the zone comes before what the bootstrap says. */
function localityOf(stated: Locality | undefined, zone: string | undefined): Locality | undefined {
  if (!zone) return stated;
  return { region: stated?.region ?? '', zone, subZone: stated?.subZone ?? '' };
}
