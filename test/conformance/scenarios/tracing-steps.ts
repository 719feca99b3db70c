/** Steps that show what a proxy tells a collector of traces. */
import { setTimeout as wait } from 'node:timers/promises';
import { spansOf } from '../../../images/traces/otlp.ts';
import { exchange } from '../exchange.ts';
import { normalize, normalizeText, type RequestOptions, type Step } from '../scenario.ts';
import type { Collected } from '../upstream.ts';

type Json = Record<string, unknown>;

/** Ids that clients bring along in these scenarios: they stay as they are, all others are random. */
export const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
export const shortTraceId = 'a3ce929d0e0e4736';
export const spanId = '00f067aa0ba902b7';
export const parentId = '53995c3f42cd8ad8';
const given = new Set([traceId, shortTraceId, spanId, parentId]);

export interface TracedOptions extends RequestOptions {
  /** How many spans come of it. */
  spans?: number;
  host?: string;
}

/** A step: one request to the listener, and the spans that come of it, with random ids numbered. */
export function traced(name: string, path: string, options: TracedOptions = {}): Step {
  const { method = 'GET', headers = [], body = '', spans = 1, host = 'example.com' } = options;
  const length = body === '' ? [] : [`content-length: ${body.length}`];
  const bytes = [`${method} ${path} HTTP/1.1`, `host: ${host}`, ...headers, ...length, '', body].join('\r\n');
  return {
    name,
    see: async ({ ports }) => {
      const answer = normalize(await exchange(ports.listener, bytes));
      return numbered({ answer, spans: await spansFrom(ports.raw, spans) });
    },
  };
}

/** A step: how what is posted to the collector begins. */
export function collectorRequest(name: string, path: string): Step {
  return {
    name,
    see: async ({ ports }) => {
      await exchange(ports.listener, `GET ${path} HTTP/1.1\r\nhost: example.com\r\n\r\n`);
      const [post] = await posts(ports.raw, 1);
      return versionless(post?.head ?? '').split('\r\n');
    },
  };
}

/** A step: requests one after the other, and how many spans came in each report. */
export function batches(name: string, requests: number, spans: number): Step {
  return {
    name,
    see: async ({ ports }) => {
      for (let i = 0; i < requests; i++)
        await exchange(ports.listener, 'GET /echo HTTP/1.1\r\nhost: example.com\r\n\r\n');
      return (await posts(ports.raw, spans)).map(post => read(post).length);
    },
  };
}

async function spansFrom(port: number, count: number): Promise<Json[]> {
  const spans = (await posts(port, count)).flatMap(read).map(timeless);
  return spans.sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1));
}

const sortKey = (span: Json) => JSON.stringify([span.kind, span.name]);

function read({ head, body }: Collected): Json[] {
  if (/content-type: application\/(?:x-protobuf|grpc)/i.test(head)) return spansOf(Buffer.from(body, 'latin1'));
  return JSON.parse(Buffer.from(body, 'latin1').toString('utf8')) as Json[];
}

/** Waits for so many spans; for none it does not wait: they would be seen by the next step. */
async function posts(port: number, count: number): Promise<Collected[]> {
  const found: Collected[] = [];
  const until = Date.now() + 3000;
  while (count > 0 && found.flatMap(read).length < count && Date.now() < until) {
    const { body } = await exchange(port, 'GET /collected HTTP/1.1\r\nhost: a\r\n\r\n');
    found.push(...(JSON.parse(body) as Collected[]));
    await wait(20);
  }
  return found;
}

/** The exporter's version, in Envoy's form. */
const versionless = (text: string) => text.replace(/[0-9a-z]+\/[0-9.]+\/Clean\/RELEASE\/\w+/, '<version>');

/** What differs each time is told by its kind alone. */
function timeless(value: Json): Json {
  return JSON.parse(JSON.stringify(value), (key, inner: unknown) => {
    if (/timestamp|duration|nano/i.test(key)) return '<time>';
    if (key === 'attributes') return (inner as { key: string }[]).sort((a, b) => (a.key < b.key ? -1 : 1));
    if (typeof inner === 'string') inner = versionless(inner);
    if (key === 'peer.address') return String(inner).replace(/:\d{5}$/, ':<port>');
    return inner;
  }) as Json;
}

/** The same random id becomes the same number wherever it stands. */
function numbered(seen: unknown): unknown {
  const numbers = new Map<string, string>();
  const text = normalizeText(JSON.stringify(sorted(seen))).replace(/\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b/g, id => {
    if (given.has(id)) return id;
    if (!numbers.has(id)) numbers.set(id, `<id ${numbers.size + 1} of ${id.length} digits>`);
    return numbers.get(id)!;
  });
  return JSON.parse(text);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
