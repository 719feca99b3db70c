/** Tags that a configuration adds to spans, and to entries of access logs. */
import type { CustomTag, CustomTag_Metadata } from '../api/envoy/type/tracing/v3/custom_tag_pb.js';
import { canonical } from '../configuration/json.ts';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import type { StreamInfo } from '../stream-info.ts';

/** What a tag says of one request; undefined: it is left out. */
type TagValue = (info: StreamInfo) => string | undefined;

export interface Tag {
  name: string;
  value: TagValue;
}

export function compileTags(tags: readonly CustomTag[]): Tag[] {
  return tags.map(({ tag, type }) => ({ name: tag, value: tagValue(type) }));
}

function tagValue(type: CustomTag['type']): TagValue {
  switch (type.case) {
    case 'literal': {
      const { value } = type.value;
      return () => value;
    }
    case 'environment': {
      const { name, defaultValue } = type.value;
      const value = process.env[name] ?? defaultValue;
      return () => value || undefined;
    }
    case 'requestHeader': {
      const { name, defaultValue } = type.value;
      const lowerName = name.toLowerCase();
      return ({ requestHeaders: head }) => (head?.lookup(lowerName) ?? defaultValue) || undefined;
    }
    case 'metadata':
      return metadataValue(type.value);
    default:
      throw new Error(`custom_tags: ${type.case ?? 'a tag without value'} is not supported by this proxy`);
  }
}

const sources: Readonly<Record<string, (info: StreamInfo) => DynamicMetadata | undefined>> = {
  request: info => info.metadata,
  route: info => info.routeMetadata,
  cluster: info => info.clusterMetadata,
  host: info => info.hostMetadata,
};

/** A structure prints as JSON. */
function metadataValue({ kind, metadataKey, defaultValue }: CustomTag_Metadata): TagValue {
  const of = sources[kind?.kind.case ?? ''];
  const namespace = metadataKey?.key ?? '';
  const keys = (metadataKey?.path ?? []).map(({ segment }) => segment.value ?? '');
  return info => {
    const value = of?.(info)?.at(namespace, keys);
    if (value === undefined || value === null) return defaultValue || undefined;
    return typeof value === 'object' ? canonical(value) : String(value);
  };
}
