/** Spans in the JSON of Zipkin's API, version 2. https://zipkin.io/zipkin-api/ */
import { asText } from '../net/latin1.ts';
import { localAddress } from '../net/local-address.ts';
import type { Span } from './span.ts';

/** @param serviceName of this node; '' where it has none */
export function zipkinJson(spans: readonly Span[], serviceName: string): Buffer {
  return Buffer.from(JSON.stringify(spans.map(span => spanJson(span, serviceName))));
}

function spanJson({ facts, name, endMs, tags, events }: Span, serviceName: string): object {
  const { kind, shared, startMs, traceId, parentId, id } = facts;
  const address = localAddress();
  const annotations = [...events, { name: kind === 'SERVER' ? 'ss' : 'cr', atMs: endMs }];
  return {
    kind,
    ...(shared && { shared }),
    timestamp: microseconds(startMs),
    localEndpoint: { ipv4: address, port: 0, ...(serviceName !== '' && { serviceName }) },
    traceId,
    ...(parentId !== '' && { parentId }),
    id,
    ...(name !== '' && { name }),
    duration: microseconds(endMs - startMs),
    tags: Object.fromEntries([...tags].filter(([, value]) => value !== '').map(([key, value]) => [key, asText(value)])),
    annotations: annotations.map(({ name, atMs }) => ({ value: name, timestamp: microseconds(atMs) })),
  };
}

const microseconds = (ms: number) => Math.round(ms * 1000);

/** Headers' characters are bytes. */
