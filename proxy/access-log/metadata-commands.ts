/** Operators that print metadata: what filters told of a request, and what the configuration states. */
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import type { StreamInfo } from '../stream-info.ts';
import { type Command, type Compiler, FormatError } from './command.ts';

type MetadataOf = (info: StreamInfo) => DynamicMetadata | undefined;

const sources = new Map<string, MetadataOf>([
  ['DYNAMIC', info => info.metadata],
  ['ROUTE', info => info.routeMetadata],
  ['VIRTUAL_HOST', info => info.virtualHost?.metadata],
  ['CLUSTER', info => info.clusterMetadata],
  ['UPSTREAM_HOST', info => info.hostMetadata],
  ['LISTENER', info => info.listenerMetadata],
  ['LISTENER_FILTER_CHAIN', info => info.chainMetadata],
]);

function readerOf(of: MetadataOf, path: readonly string[]): Command {
  const [namespace = '', ...keys] = path;
  return info => of(info)?.at(namespace, keys);
}

/** `NAMESPACE:KEY:…` */
const metadataOf =
  (of: MetadataOf): Compiler =>
  (argument = '') =>
    readerOf(of, argument.split(':'));

/** `TYPE:NAMESPACE:KEY:…` */
const metadata: Compiler = argument => {
  const [type = '', ...path] = (argument ?? '').split(':');
  const of = sources.get(type);
  if (of === undefined) throw new FormatError(`${type} is not supported type of metadata`);
  return readerOf(of, path);
};

export const metadataCommands: Record<string, Compiler> = {
  DYNAMIC_METADATA: metadataOf(info => info.metadata),
  CLUSTER_METADATA: metadataOf(info => info.clusterMetadata),
  UPSTREAM_METADATA: metadataOf(info => info.hostMetadata),
  METADATA: metadata,
};
