/** Upstreams for both proxies: httpbin, and one that behaves badly in the way that the path names. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { httpbin } from '../../images/httpbin/server.ts';
import { http2Upstream } from './http2-upstream.ts';

export interface Upstreams {
  /** Ports. */
  httpbin: number;
  raw: number;
  /** Speaks HTTP/2. */
  http2: number;
  /** Nobody listens there. */
  nobody: number;
  close: () => Promise<void>;
}

/** Starts the upstreams on 127.0.0.1, on these ports or on free ones. */
export async function startUpstreams(ports = { httpbin: 0, raw: 0, http2: 0, nobody: 0 }): Promise<Upstreams> {
  heads.length = 0;
  collected.length = 0;
  well = true;
  const sockets = new Set<Socket>();
  const servers: Server[] = [httpbin(() => {}), createServer(rawUpstream), http2Upstream(), createServer()];
  for (const [i, server] of servers.entries()) {
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.listen([ports.httpbin, ports.raw, ports.http2, ports.nobody][i], '127.0.0.1');
    await once(server, 'listening');
  }
  const [httpbinPort = 0, raw = 0, http2 = 0, nobody = 0] = servers.map(
    server => (server.address() as AddressInfo).port,
  );
  servers.pop()?.close();
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    const closed = servers.map(server => once(server, 'close'));
    for (const server of servers) server.close();
    await Promise.all(closed);
  };
  return { httpbin: httpbinPort, raw, http2, nobody, close };
}

/** What the raw upstream answers, by path; a request's head is what comes before the first empty line. */
const behaviours: Record<string, (socket: Socket, head: string, body: string) => void> = {
  '/echo': (socket, head) => answer(socket, head),
  '/echo-body': (socket, head, body) => answer(socket, isChunked(head) ? unchunked(body) : body),
  '/say': (socket, head) => say(socket, head),
  '/disconnect': socket => socket.end(),
  '/reset': socket => socket.resetAndDestroy(),
  '/garbage': socket => socket.end('nonsense\r\n\r\n'),
  '/bad-header': socket => socket.end('HTTP/1.1 200 OK\r\nbad header: x\r\ncontent-length: 0\r\n\r\n'),
  '/bad-length': socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n'),
  '/truncated': socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'),
  '/truncated-chunks': socket => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab'),
  '/until-close': socket => socket.end('HTTP/1.1 200 OK\r\nx-a: b\r\n\r\nto the end'),
  '/extra': socket =>
    void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil'),
  '/extra-close': socket =>
    void socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nokmore than that'),
  '/interim-length': socket =>
    void socket.write(
      'HTTP/1.1 103 Early Hints\r\ncontent-length: 3\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
    ),
  '/interim-chunks': socket =>
    void socket.write(
      'HTTP/1.1 103 Early Hints\r\ntransfer-encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
    ),
  '/no-content-length': socket => void socket.write('HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\nabc'),
  '/two-lengths': socket => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc'),
  '/length-and-chunks': socket =>
    void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'),
  '/switching': socket => void socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: a\r\n\r\n'),
  '/websocket': socket =>
    void socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\nwelcome'),
  '/long-status': socket => void socket.write('HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\nok'),
  '/http10': socket => socket.end('HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nabc'),
  '/chunks': socket =>
    void socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'),
  '/continue': socket =>
    void socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  '/continue-and-fail': socket =>
    void socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nno'),
  '/continue-and-end': socket => socket.end('HTTP/1.1 100 Continue\r\nx-a: b\r\nconnection: x-a\r\n\r\n'),
  '/early-hints': socket =>
    void socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  '/case': socket =>
    void socket.write(
      'HTTP/1.1 200 Fine\r\nX-Upper-CASE: Yes\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 0\r\n\r\n',
    ),
  '/own': socket =>
    void socket.write(
      'HTTP/1.1 200 OK\r\nserver: mine\r\ndate: never\r\nx-envoy-upstream-service-time: 7\r\nx-request-id: mine\r\nx-envoy-a: 1\r\ncontent-length: 0\r\n\r\n',
    ),
  '/no-content': socket => void socket.write('HTTP/1.1 204 No Content\r\n\r\n'),
  '/not-modified': socket => void socket.write('HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n'),
  '/connection': socket =>
    void socket.write(
      'HTTP/1.1 200 OK\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nproxy-connection: a\r\nupgrade: h2c\r\ncontent-length: 0\r\n\r\n',
    ),
  '/status-only': socket => void socket.write('HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n'),
  '/silent': () => {},
  '/ill': socket => {
    well = false;
    answer(socket, 'from now on it is ill');
  },
  '/heal': socket => {
    well = true;
    answer(socket, 'from now on it is well');
  },
  '/well': socket =>
    void socket.write(
      well
        ? 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell'
        : 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 3\r\n\r\nill',
    ),
  '/api/v2/spans': collect(202),
  '/v1/traces': collect(200),
  '/collected': socket => answer(socket, JSON.stringify(collected.splice(0))),
  '/last': socket => answer(socket, heads.splice(0).sort(byContent).join('\r\n\r\n')),
};

/** Answers what the query says, as JSON: lines of the head, then pieces of the body, in latin1. */
function say(socket: Socket, head: string): void {
  const query = head.split(' ')[1]?.split('?')[1] ?? '';
  const said = JSON.parse(decodeURIComponent(query)) as { status?: string; lines: string[]; pieces: string[] };
  const { status = '200 OK', lines, pieces } = said;
  socket.write([`HTTP/1.1 ${status}`, ...lines, '', ''].join('\r\n'), 'latin1');
  for (const piece of head.startsWith('HEAD ') ? [] : pieces) socket.write(piece, 'latin1');
}

/** What was posted to a collector of traces: the head, and the body's bytes as characters. */
export interface Collected {
  head: string;
  body: string;
}

const collected: Collected[] = [];

/** Has `/collected` tell it, where another upstream was sent it. */
export function keepCollected(post: Collected): void {
  collected.push(post);
}

function collect(status: number): (socket: Socket, head: string, body: string) => void {
  return (socket, head, body) => {
    collected.push({ head, body: isChunked(head) ? unchunked(body).slice(0, -1) : body });
    socket.write(`HTTP/1.1 ${status} Fine\r\ncontent-length: 0\r\n\r\n`);
  };
}

/** Paths of which the others are not told. */
const apart = new Set(['/last', '/collected', '/api/v2/spans', '/v1/traces']);

/** What `/well` answers by. */
let well = true;

/** The heads of requests since the last `/last`. */
const heads: string[] = [];
const remembered = 20;

/** Ids are random: they are left out of the order. */
function byContent(a: string, b: string): number {
  const [one, other] = [a, b].map(head => head.replace(/x-request-id: .*/, ''));
  return one! < other! ? -1 : 1;
}

function rawUpstream(socket: Socket): void {
  let bytes = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', chunk => {
    bytes += chunk.toString('latin1');
    for (let end = requestEnd(bytes); end > 0; end = requestEnd(bytes)) {
      const [head = '', body = ''] = split(bytes.slice(0, end));
      bytes = bytes.slice(end);
      const path = head.split(' ')[1]?.replace(/\?.*/, '') ?? '';
      if (!apart.has(path)) heads.push(body === '' ? head : `${head}\r\n\r\n${body}`);
      heads.splice(0, heads.length - remembered);
      (behaviours[path] ?? (path.startsWith('/say/') ? say : behaviours['/echo']))?.(socket, head, body);
    }
  });
}

const isChunked = (head: string) => /\r\ntransfer-encoding: *chunked/i.test(head);

/** What chunks hold, whatever their sizes; trailers are kept. */
function unchunked(body: string): string {
  let text = '';
  for (let rest = body; ; ) {
    const line = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, line), 16);
    if (!(size > 0)) return `${text}|${rest.slice(line + 2).trim()}`;
    text += rest.slice(line + 2, line + 2 + size);
    rest = rest.slice(line + 4 + size);
  }
}

function split(request: string): [string, string] {
  const at = request.indexOf('\r\n\r\n');
  return [request.slice(0, at), request.slice(at + 4)];
}

/** Where the first request ends, 0 when it is not complete. */
function requestEnd(bytes: string): number {
  const head = bytes.indexOf('\r\n\r\n');
  if (head < 0) return 0;
  if (isChunked(bytes.slice(0, head))) {
    const last = /\r\n0\r\n(?:[^\r]+\r\n)*\r\n/.exec(bytes.slice(head + 2));
    return last ? head + 2 + last.index + last[0].length : 0;
  }
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(bytes.slice(0, head + 2))?.[1] ?? 0);
  return bytes.length >= head + 4 + length ? head + 4 + length : 0;
}

function answer(socket: Socket, body: string): void {
  socket.write(
    `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    'latin1',
  );
}
