import type { Socket } from 'node:net';
import Fastify, {
  type ConnectionError,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { errorBody, UnicornError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { HttpContext } from './context.ts';
import { securityHeaders } from './headers.ts';
import { probePaths } from './operations.ts';
import type { OriginPolicy } from './origin.ts';

/** Bodies are small: only files are larger, and say so at their route. */
const bodyLimit = 16 * 1024;

/** The HTTP server with everything that holds for every request: whose host and origin it is, headers, and how errors are told. */
export function createApp(context: HttpContext, options: { trustProxy: boolean }): FastifyInstance {
  const { policy, log, replicas, metrics } = context;
  const app = Fastify({
    bodyLimit,
    trustProxy: options.trustProxy ? 'loopback' : false,
    forceCloseConnections: true,
    requestTimeout: 30_000,
    keepAliveTimeout: 30_000,
    http: { maxHeaderSize: 16 * 1024 },
    routerOptions: { maxParamLength: 100 },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    clientErrorHandler: answerGarbage,
    frameworkErrors: (error, request, reply) => tell(error, request, reply, log),
  });
  app.addHook('onRequest', async (request, reply) => {
    const checked = replicas.isForwarded(request.raw);
    const probe = probePaths.has(request.routeOptions.url) && policy.allowsProbe(request.headers.host);
    if (!checked && !probe) requireOwnHost(policy, request.headers.host);
    reply.headers(securityHeaders(request.headers.host ?? ''));
    if (!checked && !isSafe(request.method)) requireOwnOrigin(policy, request.headers);
  });
  app.addHook('onSend', async (request, reply) => {
    if (request.url.startsWith('/api') && !reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
  app.addHook('onResponse', async (_, reply) => metrics.requestAnswered(reply.statusCode));
  app.setErrorHandler((error, request, reply) => tell(error, request, reply, log));
  return app;
}

/** What is not HTTP is answered too, in the form of all errors. */
function answerGarbage(this: FastifyInstance, error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const body = JSON.stringify(
    errorBody(
      new UnicornError(
        tooLarge ? 'too-large' : 'invalid',
        tooLarge ? 'The headers are too large.' : 'That is not HTTP.',
      ),
    ),
  );
  const head = `HTTP/1.1 ${tooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request'}`;
  socket.end(
    `${head}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** @throws UnicornError `wrong-host` */
export function requireOwnHost(policy: OriginPolicy, host: string | undefined): void {
  if (policy.allowsHost(host)) return;
  throw new UnicornError(
    'wrong-host',
    'This server does not answer under that host name.',
    'Open the address that it printed when it started, or start it with --public-url and the address that you use.',
  );
}

/**
 * Programs send no origin and have no cookies of a browser to abuse; browsers send it with whatever changes something.
 *
 * @throws UnicornError `wrong-origin`
 */
function requireOwnOrigin(policy: OriginPolicy, headers: FastifyRequest['headers']): void {
  const { origin, host = '' } = headers;
  const site = headers['sec-fetch-site'];
  if (origin === undefined ? site === undefined || site === 'same-origin' : policy.allowsOrigin(origin, host)) return;
  throw wrongOrigin();
}

/** The refusal of another site's page. */
export function wrongOrigin(): UnicornError {
  return new UnicornError(
    'wrong-origin',
    'A page of another site may not do this.',
    'Open the workshop by its own address. Behind a proxy, start the server with --public-url.',
  );
}

function tell(
  thrown: FastifyError | Error | unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Log,
): FastifyReply {
  const error = toUnicornError(thrown);
  if (error.code === 'internal') {
    log.error('a request failed', { method: request.method, route: request.routeOptions?.url, error: thrown as Error });
  }
  return reply.code(error.status).send(errorBody(error));
}

/** Gives every failure its code and words; what nobody foresaw tells nothing of its inside. */
export function toUnicornError(thrown: unknown): UnicornError {
  if (thrown instanceof UnicornError) return thrown;
  const { validation, code, statusCode, message } = thrown as FastifyError;
  if (validation) return new UnicornError('invalid', `The request is not as it should be: ${message}.`);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new UnicornError('too-large', 'The request is too large.');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new UnicornError(
      'wrong-type',
      'The body is of another type than this address takes.',
      'Send application/json.',
    );
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new UnicornError(statusCode === 404 ? 'not-found' : 'invalid', 'The request cannot be read.');
  }
  return new UnicornError(
    'internal',
    'Something went wrong in the server.',
    "Try again. The server's log says what it was.",
  );
}
