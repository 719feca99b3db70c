/** Upstreams for both proxies: httpbin, and one that behaves badly in the way that the path names. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { httpbin } from '../../images/httpbin/server.ts';

export interface Upstreams {
  /** Ports. */
  httpbin: number;
  raw: number;
  /** Nobody listens there. */
  nobody: number;
  close: () => Promise<void>;
}

/** Starts the upstreams on 127.0.0.1, on these ports or on free ones. */
export async function startUpstreams(ports = { httpbin: 0, raw: 0, nobody: 0 }): Promise<Upstreams> {
  heads.length = 0;
  well = true;
  const sockets = new Set<Socket>();
  const servers: Server[] = [httpbin(() => {}), createServer(rawUpstream), createServer()];
  for (const [i, server] of servers.entries()) {
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.listen([ports.httpbin, ports.raw, ports.nobody][i], '127.0.0.1');
    await once(server, 'listening');
  }
  const [httpbinPort = 0, raw = 0, nobody = 0] = servers.map(server => (server.address() as AddressInfo).port);
  servers.pop()?.close();
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.map(server => once(server.close(), 'close')));
  };
  return { httpbin: httpbinPort, raw, nobody, close };
}

/** What the raw upstream answers, by path; a request's head is what comes before the first empty line. */
const behaviours: Record<string, (socket: Socket, head: string, body: string) => void> = {
  '/echo': (socket, head) => answer(socket, head),
  '/echo-body': (socket, head, body) =>
    answer(socket, /\r\ntransfer-encoding: *chunked/i.test(head) ? unchunked(body) : body),
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
  '/long-status': socket => void socket.write('HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\nok'),
  '/http10': socket => socket.end('HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nabc'),
  '/chunks': socket =>
    void socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'),
  '/continue': socket =>
    void socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
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
  '/last': socket => answer(socket, heads.splice(0).sort(byContent).join('\r\n\r\n')),
};

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
      if (path !== '/last') heads.push(body === '' ? head : `${head}\r\n\r\n${body}`);
      heads.splice(0, heads.length - remembered);
      (behaviours[path] ?? behaviours['/echo'])?.(socket, head, body);
    }
  });
}

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
  if (/\r\ntransfer-encoding: *chunked/i.test(bytes.slice(0, head))) {
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
