/** The gRPC side of a rate limit service, over HTTP/2 without TLS. */
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { frameMessage, GrpcMessageReader } from '../../proxy/grpc/message-reader.ts';
import { grpcStatus } from '../../proxy/grpc/status.ts';
import { rateLimitMethod } from '../../proxy/rate-limit/rate-limit-messages.ts';
import { type Decision, type Decisions, QuestionError } from './decisions.ts';
import { decodeQuestion, encodeAnswer } from './messages.ts';

const mostQuestionBytes = 64 * 1024;
/** How long a question may take to come, in milliseconds. */
const patienceMs = 10_000;
const mostAtOnce = 1000;
const grpcType = 'application/grpc';

export interface RateLimitServer {
  server: Http2Server;
  /** Takes no more questions, and ends the connections. */
  close(): void;
}

/** Makes the server; it does not listen yet. @param onDecisions hears of each question what was decided */
export function rateLimitServer(decisions: Decisions, onDecisions: (made: Decision[]) => void): RateLimitServer {
  const server = createServer({ settings: { maxConcurrentStreams: mostAtOnce } });
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', session => {
    sessions.add(session);
    session.on('error', () => {});
    session.once('close', () => sessions.delete(session));
  });
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.setTimeout(patienceMs, () => stream.close(constants.NGHTTP2_CANCEL));
    answer(stream, headers, question => {
      const made = decisions.decide(decodeQuestion(question));
      onDecisions(made);
      const statuses = made.map(({ status }) => status);
      return encodeAnswer(
        statuses.some(({ over }) => over),
        statuses,
      );
    });
  });
  const close = (): void => {
    server.close();
    for (const session of sessions) session.destroy();
  };
  return { server, close };
}

function answer(
  stream: ServerHttp2Stream,
  { ':method': method, ':path': path, 'content-type': type = '' }: IncomingHttpHeaders,
  decide: (question: Buffer) => Uint8Array,
): void {
  if (method !== 'POST' || !type.startsWith(grpcType)) {
    stream.respond({ ':status': 415 }, { endStream: true });
    return;
  }
  if (path !== rateLimitMethod) {
    fail(stream, grpcStatus.UNIMPLEMENTED, `unknown method ${path}`);
    return;
  }
  const reader = new GrpcMessageReader(mostQuestionBytes);
  stream.on('data', (chunk: Buffer) => {
    if (stream.headersSent) return;
    try {
      const [question] = reader.read(chunk);
      if (question !== undefined) send(stream, decide(question));
    } catch (error) {
      // As the reference service does; what is no message at all is the caller's mistake.
      const status = error instanceof QuestionError ? grpcStatus.UNKNOWN : grpcStatus.INVALID_ARGUMENT;
      fail(stream, status, error instanceof Error ? error.message : String(error));
    }
  });
  stream.once('end', () => {
    if (!stream.headersSent) fail(stream, grpcStatus.INVALID_ARGUMENT, 'a question is missing');
  });
}

function send(stream: ServerHttp2Stream, message: Uint8Array): void {
  stream.respond({ ':status': 200, 'content-type': grpcType }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(grpcStatus.OK) }));
  stream.end(frameMessage(message));
}

function fail(stream: ServerHttp2Stream, status: number, message: string): void {
  const trailers = { 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) };
  stream.respond({ ':status': 200, 'content-type': grpcType, ...trailers }, { endStream: true });
}
