/** Spans as Zipkin's API has them. https://zipkin.io/zipkin-api/ */

export interface Span {
  traceId: string;
  id: string;
  parentId?: string;
  name?: string;
  kind?: 'CLIENT' | 'SERVER' | 'PRODUCER' | 'CONSUMER';
  /** Microseconds since the epoch. */
  timestamp?: number;
  /** Microseconds. */
  duration?: number;
  /** Another span has the same id: the caller's. */
  shared?: boolean;
  localEndpoint?: { serviceName?: string; ipv4?: string; port?: number };
  tags?: Record<string, string>;
  annotations?: { timestamp: number; value: string }[];
}

const isId = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{1,32}$/.test(value);

/** Whether this can be kept as a span: it has its two ids, and what it says of time are numbers. */
export function isSpan(value: unknown): value is Span {
  if (typeof value !== 'object' || value === null) return false;
  const { traceId, id, parentId, name, timestamp, duration } = value as Record<string, unknown>;
  return (
    isId(traceId) &&
    isId(id) &&
    (parentId === undefined || isId(parentId)) &&
    (name === undefined || typeof name === 'string') &&
    [timestamp, duration].every(time => time === undefined || typeof time === 'number')
  );
}
