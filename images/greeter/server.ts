/** A server of gRPC, over HTTP/2 without TLS. @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import {
  type DescMethod,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonObject,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { frameMessage, GrpcMessageReader } from '../../proxy/grpc/message-reader.ts';
import { grpcStatus } from '../../proxy/grpc/status.ts';
import { percentEncode } from '../../proxy/http/grpc.ts';
import type { LogEntry } from '../request-log.ts';
import { type Call, GrpcError, headerOf, type Method } from './call.ts';

const mostMessageBytes = 1024 * 1024;
const contentType = 'application/grpc';

interface End {
  status: number;
  message: string;
}

/**
 * Makes the server; it does not listen yet. It knows of no deadlines, as many services do: they are for who calls, and for who stands between, to keep;
 * a call that is given up ends.
 * @param methods by path, each of which the registry has a schema of */
export function grpcServer(
  registry: FileRegistry,
  methods: ReadonlyMap<string, Method>,
  log: (entry: LogEntry) => void,
): Http2Server {
  const server = createServer();
  server.on('stream', (stream, _headers, _flags, raw) => void serve(registry, methods, stream, pairs(raw)).then(log));
  // what a connection does wrong ends it
  server.on('sessionError', () => {});
  return server;
}

/** Pseudo-headers aside, the authority as `host`. */
function pairs(raw: readonly string[]): [string, string][] {
  const all = Array.from({ length: raw.length / 2 }, (_, i): [string, string] => [
    raw[2 * i] ?? '',
    raw[2 * i + 1] ?? '',
  ]);
  return all.map(([name, value]) => [name === ':authority' ? 'host' : name, value]);
}

async function serve(
  registry: FileRegistry,
  methods: ReadonlyMap<string, Method>,
  stream: ServerHttp2Stream,
  raw: [string, string][],
): Promise<LogEntry> {
  const atMs = Date.now();
  const value = (name: string): string => raw.find(([one]) => one === name)?.[1] ?? '';
  const path = value(':path');
  const headers = raw.filter(([name]) => !name.startsWith(':'));
  stream.on('error', () => {});
  const end = await answer(registry, methods.get(path), path, stream, headers);
  return { atMs, method: value(':method'), path, headers, status: end.status, durationMs: Date.now() - atMs };
}

async function answer(
  registry: FileRegistry,
  method: Method | undefined,
  path: string,
  stream: ServerHttp2Stream,
  headers: [string, string][],
): Promise<End> {
  const left = new AbortController();
  const call: Call = { headers, signal: left.signal };
  if (!/^application\/grpc($|\+|;)/.test(headerOf(call, 'content-type') ?? '')) {
    stream.respond({ ':status': 415 }, { endStream: true });
    return { status: grpcStatus.UNKNOWN, message: 'no gRPC' };
  }
  const schema = schemaOf(registry, path);
  stream.once('close', () => left.abort());
  let end: End = { status: grpcStatus.OK, message: '' };
  try {
    if (!method || !schema) throw unknownMethod(registry, path);
    for await (const reply of method(requestsOf(schema, stream), call)) {
      call.signal.throwIfAborted();
      await send(stream, frameMessage(toBinary(schema.output, fromJson(schema.output, reply))), call.signal);
    }
  } catch (error) {
    end = endOf(error, call.signal);
  }
  if (!stream.destroyed) finish(stream, end);
  return end;
}

function schemaOf(registry: FileRegistry, path: string): DescMethod | undefined {
  const [, service = '', name] = path.split('/');
  return registry.getService(service)?.methods.find(method => method.name === name);
}

function unknownMethod(registry: FileRegistry, path: string): GrpcError {
  const [, service = '', name] = path.split('/');
  const known = registry.getService(service) !== undefined;
  return new GrpcError(
    'UNIMPLEMENTED',
    known ? `unknown method ${name} for service ${service}` : `unknown service ${service}`,
  );
}

async function* requestsOf({ input }: DescMethod, stream: ServerHttp2Stream): AsyncGenerator<JsonObject> {
  const reader = new GrpcMessageReader(mostMessageBytes);
  // An iterator of the stream's own would destroy it when no more is asked for, and with it the answer.
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
    for (const message of reader.read(chunk)) yield toJson(input, fromBinary(input, message)) as JsonObject;
  if (reader.cutShort) throw new GrpcError('INTERNAL', 'the last message is not whole');
}

async function send(stream: ServerHttp2Stream, frame: Buffer, signal: AbortSignal): Promise<void> {
  if (!stream.headersSent) stream.respond({ ':status': 200, 'content-type': contentType }, { waitForTrailers: true });
  if (!stream.write(frame)) await once(stream, 'drain', { signal });
}

function endOf(error: unknown, { aborted }: AbortSignal): End {
  if (aborted) return { status: grpcStatus.CANCELLED, message: 'the caller left' };
  if (error instanceof GrpcError) return { status: error.status, message: error.message };
  return { status: grpcStatus.INTERNAL, message: error instanceof Error ? error.message : String(error) };
}

/** The status in trailers; in the headers where nothing was sent yet. */
function finish(stream: ServerHttp2Stream, { status, message }: End): void {
  const bytes = Buffer.from(message).toString('latin1');
  const trailers = {
    'grpc-status': String(status),
    ...(message === '' ? {} : { 'grpc-message': percentEncode(bytes) }),
  };
  if (!stream.headersSent) {
    stream.respond({ ':status': 200, 'content-type': contentType, ...trailers }, { endStream: true });
  } else {
    stream.once('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end();
  }
  // what the caller still sends is not wanted
  stream.resume();
}
