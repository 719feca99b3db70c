/** An upstream that speaks HTTP/2 by Node's own, and does what the path names. */
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';

type Behaviour = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: string, raw: string[]) => void;

/** More, and larger ones, than a proxy takes. */
const manyFields = Object.fromEntries(Array.from({ length: 110 }, (_, i) => [`x-${i}`, 'a']));
const largeFields = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`x-${i}`, 'a'.repeat(12_800)]));

const behaviours: Record<string, Behaviour> = {
  '/echo': (stream, _headers, body, raw) => {
    const fields = raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1]}`] : []));
    // Those with a colon may come in any order.
    const count = fields.findLastIndex(field => field.startsWith(':')) + 1;
    fields.splice(0, count, ...fields.slice(0, count).sort());
    stream.respond({ ':status': 200, 'content-type': 'text/plain' });
    stream.end(`${fields.join('\n')}\n\n${body}`);
  },
  '/trailers': (stream, _headers, body) => {
    stream.respond({ ':status': 200, 'x-a': 'b' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'x-trailer': 'last', 'x-other': 'too' }));
    stream.end(`before ${body}`);
  },
  '/grpc': (stream, _headers, body) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '5', 'grpc-message': 'none' }));
    stream.end(body);
  },
  // What the query says in its trailers, as JSON.
  '/grpc-says': (stream, headers, body) => {
    const said = decodeURIComponent(String(headers[':path']).split('?')[1] ?? '%7B%7D');
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers(JSON.parse(said) as Record<string, string>));
    stream.end(body);
  },
  '/grpc-large': stream => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end('x'.repeat(300_000));
  },
  '/grpc-only-trailers': stream =>
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' }, { endStream: true }),
  '/no-content': stream => stream.respond({ ':status': 204 }, { endStream: true }),
  '/early-hints': stream => {
    stream.additionalHeaders({ ':status': 103, link: '</a>' });
    stream.respond({ ':status': 200 });
    stream.end('ok');
  },
  '/many-fields': stream => {
    stream.respond({ ':status': 200, ...manyFields });
    stream.end('ok');
  },
  '/large-head': stream => {
    stream.respond({ ':status': 200, ...largeFields });
    stream.end('ok');
  },
  '/many-trailers': stream => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers(manyFields));
    stream.end('ok');
  },
  '/reset': stream => stream.close(8),
  '/refuse': stream => stream.close(7),
  '/cut': stream => {
    stream.respond({ ':status': 200 });
    stream.write('begun');
    setTimeout(() => stream.close(2), 50);
  },
  '/endless': stream => {
    stream.respond({ ':status': 200 });
    stream.write('begun');
  },
  // By the name of the service that is asked for.
  '/grpc.health.v1.Health/Check': (stream, headers, body) => {
    asked.push(`${headers[':authority']} ${headers['user-agent']} ${headers['x-more'] ?? ''}`);
    const service = body.slice(7);
    if (service === 'silent') return;
    if (service === 'plain') {
      stream.respond({ ':status': 200 });
      stream.end('fine');
      return;
    }
    const status = service === 'unknown' ? '5' : '0';
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
    stream.end(status === '0' ? Buffer.from([0, 0, 0, 0, 2, 8, service === 'ill' ? 2 : 1]) : undefined);
  },
  '/asked': stream => {
    stream.respond({ ':status': 200 });
    stream.end(asked.splice(0).sort().join('\n'));
  },
  '/goaway': stream => {
    stream.respond({ ':status': 200 });
    stream.end('the last one');
    stream.session?.close();
  },
  '/disconnect': stream => stream.session?.destroy(),
  '/silent': () => {},
  '/large': stream => {
    stream.respond({ ':status': 200, 'content-length': 300_000 });
    stream.end('x'.repeat(300_000));
  },
};

/** Who was asked for its health, and how. */
const asked: string[] = [];

export function http2Upstream(): Http2Server {
  const server = createServer();
  server.on('stream', (stream, headers, _flags, raw) => {
    let body = '';
    stream.on('error', () => {});
    stream.on('data', chunk => {
      body += String(chunk);
    });
    stream.on('trailers', trailers => {
      body += `|${JSON.stringify(trailers)}`;
    });
    const path = String(headers[':path']).replace(/\?.*/, '');
    const answer = () => {
      // The request may have been given up meanwhile.
      if (!stream.destroyed) (behaviours[path] ?? behaviours['/echo'])?.(stream, headers, body, raw as string[]);
    };
    if (path === '/silent') answer();
    else stream.on('end', answer);
  });
  server.on('sessionError', () => {});
  return server;
}
