/** The filters that compress bodies and those that unpack them. What is compared is what a body holds once it is unpacked: encoders may differ. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { exchange } from '../exchange.ts';
import { normalize, normalizeText, type Ports, type Scenario, type Step } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';
import { chain, modify, typed } from './filters.ts';
import { overHttp2 } from './http2.ts';

type Json = Record<string, unknown>;

const filterType = 'envoy.extensions.filters.http.compressor.v3.Compressor';

const unpackers: Record<string, (bytes: Buffer) => Buffer> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/** Unpacks a body that says how it is packed; a broken one stays as it is. */
export function unpack(body: string, coding: string | undefined): string {
  const unpacker = unpackers[coding ?? ''];
  if (unpacker === undefined || body === '') return body;
  try {
    return `${coding}: ${unpacker(Buffer.from(body, 'latin1')).toString('latin1')}`;
  } catch (error) {
    return `${body}: ${(error as Error).message}`;
  }
}

/** A step: a request whose answer is unpacked, with a head that tells nothing of its length. */
export function packed(name: string, path: string, headers: string[] = [], body = '', method = 'GET'): Step {
  const length = body === '' ? [] : [`content-length: ${body.length}`];
  const bytes = [`${method} ${path} HTTP/1.1`, 'host: example.com', ...headers, ...length, '', body].join('\r\n');
  return {
    name,
    see: async ({ ports }) => {
      const answer = normalize(await exchange(ports.listener, bytes));
      const coding = answer.head.find(line => line.startsWith('content-encoding: '))?.slice(18);
      return { ...answer, body: normalizeText(unpack(answer.body, coding)) };
    },
  };
}

/** A step: a request whose body comes back as the upstream got it, and is unpacked. */
const unpackedRequest = (name: string, path: string): Step => ({
  name,
  see: async ({ ports }) => {
    const bytes = `POST ${path} HTTP/1.1\r\nhost: a\r\n${html}\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
    const { body } = await exchange(ports.listener, bytes);
    return unpack(body.replace(/\|$/, ''), 'gzip');
  },
});

/** The path at which the upstream answers with these lines of the head and this body. */
export const saying = (lines: string[], body = text, path = '/say'): string => {
  const framed = [...lines, `content-length: ${body.length}`];
  return `${path}?${encodeURIComponent(JSON.stringify({ lines: framed, pieces: [body] }))}`;
};
export const chunking = (lines: string[], ...bodies: string[]): string => {
  const framed = [...lines, 'transfer-encoding: chunked'];
  const pieces = [...bodies.map(body => `${body.length.toString(16)}\r\n${body}\r\n`), '0\r\n\r\n'];
  return `/say?${encodeURIComponent(JSON.stringify({ lines: framed, pieces }))}`;
};

export const text = 'a word, and another word, and a third word';
export const html = 'content-type: text/html';

/** What is not compared: sizes that encoders make differently, and an error that Envoy counts again for each piece. */
const uncompared = /total_compressed_bytes|brotli_error/;

/** All statistics whose names hold this. */
export const statsOf = (part: string): Step => ({
  name: `statistics of ${part}`,
  see: async ({ ports }) => {
    const body = await (await fetch(`http://127.0.0.1:${ports.admin}/stats?filter=${part}`)).text();
    return body.split('\n').filter(line => !uncompared.test(line));
  },
});

const library = (kind: string, configuration: Json = {}, name = 'text_optimized'): Json => ({
  name,
  typed_config: typed(`envoy.extensions.compression.${kind.toLowerCase()}.compressor.v3.${kind}`, configuration),
});

const compressor = (name: string, configuration: Json) => ({ name, typed_config: typed(filterType, configuration) });

const perRoute = (prefix: string, said: Json): Json => ({
  ...route(prefix, 'raw', { prefix_rewrite: '/' }),
  typed_per_filter_config: { gzip: typed(`${filterType}PerRoute`, said) },
});

const types = [
  'application/javascript',
  'application/x-javascript',
  'application/json',
  'application/json; charset=utf-8',
  'APPLICATION/JSON',
  'application/vnd.api+json',
  'application/xml',
  'application/ecmascript',
  'application/x-json',
  'application/xhtml+xml',
  'application/grpc',
  'application/wasm',
  'image/svg+xml',
  'image/png',
  'text/css',
  'text/html',
  'text/plain',
  'text/xml',
  'text/javascript',
  'text/x-javascript',
  'text/ecmascript',
  'text/js',
  'text/jscript',
  'text/x-js',
  'text/event-stream',
  'text/markdown',
];

export const accept = (value: string): string => `accept-encoding: ${value}`;
export const gzip = accept('gzip');

export const parts = (ports: Ports, log: string, filters: Parameters<typeof chain>) =>
  bootstrap(ports, log, {
    manager: chain(...filters),
    routes: [
      perRoute('/off/', { disabled: true }),
      perRoute('/on/', { overrides: { response_direction_config: {} } }),
      perRoute('/strip/', { overrides: { response_direction_config: { remove_accept_encoding_header: true } } }),
      { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: text } } },
      route('/two', 'two', { prefix_rewrite: '' }),
      route('/', 'raw'),
    ],
    clusters: [cluster('raw', [ports.raw]), cluster('two', [ports.http2], overHttp2)],
    bootstrap: { layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] } },
  });

/** One compressor, by its old fields. */
const compressedResponses: Scenario = {
  name: 'compressed responses',
  config: (ports, log) => parts(ports, log, [compressor('gzip', { compressor_library: library('Gzip') })]),
  steps: [
    packed('gzip', saying([html]), [gzip]),
    packed('chunks', chunking([html], text, text), [gzip]),
    packed('no bytes in chunks', chunking([html]), [gzip]),
    packed('a short response', saying([html], 'a'.repeat(29)), [gzip]),
    packed('a response that is just long enough', saying([html], 'a'.repeat(30)), [gzip]),
    packed('until the close', '/until-close', [gzip]),
    packed('HEAD', saying([html]), [gzip], '', 'HEAD'),
    packed('204', '/no-content', [gzip]),
    packed('304', '/not-modified', [gzip]),
    packed('a direct response', '/direct', [gzip]),
    packed('no type', saying([]), [gzip]),
    ...types.map(type => packed(type, saying([`content-type: ${type}`]), [gzip])),
    packed('no accept-encoding', saying([html])),
    ...[
      '',
      'identity',
      'GZIP',
      'deflate',
      'br, gzip',
      'deflate, gzip;q=0.5',
      'gzip;q=0',
      'gzip;q=0, *',
      '*',
      '*;q=0',
      'identity, gzip;q=0.5',
      'identity;q=0.5, gzip',
      'gzip;q=x',
      'gzip;q=1.5',
      'gzip ; q = 0.4',
      'gzip;Q=0',
      'gzip;a=b',
      'x-gzip',
      ',,gzip',
      'gzip;q=0.5, identity;q=0.5',
    ].map(value => packed(`accept-encoding: ${value}`, saying([html]), [accept(value)])),
    packed('two accept-encoding', saying([html]), [accept('identity;q=0.1'), gzip]),
    packed('encoded already', saying([html, 'content-encoding: deflate']), [gzip]),
    packed('not to be transformed', saying([html, 'cache-control: max-age=3, no-transform']), [gzip]),
    packed('a strong etag', saying([html, 'etag: "abc"']), [gzip]),
    packed('a weak etag', saying([html, 'etag: W/"abc"']), [gzip]),
    packed('a weak etag in small letters', saying([html, 'etag: w/"abc"']), [gzip]),
    packed('vary', saying([html, 'vary: cookie']), [gzip]),
    packed('vary by accept-encoding', saying([html, 'vary: cookie, Accept-Encoding']), [gzip]),
    packed('vary in small letters', saying([html, 'vary: accept-encoding']), [gzip]),
    packed('vary by all', saying([html, 'vary: *']), [gzip]),
    packed('two vary', saying([html, 'vary: a', 'vary: b']), [gzip]),
    packed('switched off', saying([html], text, '/off/say'), [gzip]),
    packed('overridden', saying([html], text, '/on/say'), [gzip]),
    packed('what the upstream sees', '/echo', [gzip]),
    packed('what the upstream sees of a route', '/strip/echo', [gzip]),
    packed('a request', '/echo-body', [gzip, html], text, 'POST'),
    packed('partial content', saying([html, 'content-range: bytes 0-41/100']), [gzip]),
    packed('an answer of our own', '/reset', [gzip]),
    statsOf('compress'),
  ],
};

/** Several compressors, and all that can be said to one. */
const configuredCompression: Scenario = {
  name: 'configured compression',
  config: (ports, log) =>
    parts(ports, log, [
      compressor('gzip', {
        compressor_library: library('Gzip', {
          memory_level: 9,
          compression_level: 'COMPRESSION_LEVEL_9',
          compression_strategy: 'HUFFMAN_ONLY',
          window_bits: 15,
          chunk_size: 8192,
        }),
        request_direction_config: { common_config: { min_content_length: 10, content_type: ['text/html'] } },
        response_direction_config: {
          common_config: {
            enabled: { default_value: true, runtime_key: 'packing' },
            min_content_length: 10,
            content_type: ['text/html', 'text/a'],
          },
          disable_on_etag_header: true,
        },
      }),
      compressor('brotli', {
        compressor_library: library(
          'Brotli',
          { quality: 5, encoder_mode: 'TEXT', window_bits: 20, input_block_bits: 18 },
          'b',
        ),
        response_direction_config: {},
        choose_first: true,
      }),
      compressor('zstd', {
        compressor_library: library('Zstd', { compression_level: 2, enable_checksum: true, strategy: 'LAZY' }, 'z'),
        response_direction_config: {
          common_config: { content_type: ['text/html', 'text/z'] },
          remove_accept_encoding_header: true,
        },
      }),
    ]),
  steps: [
    ...[
      'gzip',
      'br',
      'zstd',
      'gzip, br, zstd',
      'zstd, gzip',
      'zstd, gzip, br',
      'gzip;q=0.9, zstd',
      '*',
      'br;q=0, *',
      'x, zstd;q=0.1',
    ].map(value => packed(`accept-encoding: ${value}`, saying([html]), [accept(value)])),
    packed('a type of one', saying(['content-type: text/a']), [accept('gzip, br, zstd')]),
    packed('a type of another', saying(['content-type: text/z']), [accept('gzip, br, zstd')]),
    packed('a type of none', saying(['content-type: text/b']), [accept('gzip, br, zstd')]),
    packed('a short response', saying([html], 'a'.repeat(10)), [accept('gzip')]),
    packed('an etag', saying([html, 'etag: W/"a"']), [accept('gzip')]),
    packed('an etag for another', saying([html, 'etag: W/"a"']), [accept('br')]),
    packed('what the upstream sees', '/echo', [accept('gzip'), html]),
    packed('a request', '/echo', [html], text, 'POST'),
    unpackedRequest('a request unpacked', '/echo-body'),
    packed('a request to a route where it is switched off', '/off/echo', [html], text, 'POST'),
    packed('a short response for two', saying([html], 'a'.repeat(10)), [accept('zstd, gzip;q=0.5')]),
    packed('a short request', '/echo', [html], 'a', 'POST'),
    packed('a request of another type', '/echo', ['content-type: text/a'], text, 'POST'),
    packed('a request that is encoded already', '/echo', [html, 'content-encoding: br'], text, 'POST'),
    packed(
      'a request where it is switched off',
      saying([html], text, '/off/say'),
      [html, accept('gzip')],
      text,
      'POST',
    ),
    modify('packing=false'),
    packed('switched off by runtime', saying([html]), [accept('gzip')]),
    packed('switched off by runtime, the others', saying([html]), [accept('gzip, br;q=0.1')]),
    packed('switched off by runtime, but not for the route', saying([html], text, '/on/say'), [accept('gzip')]),
    statsOf('compress'),
  ],
};

export const compression: Scenario[] = [compressedResponses, configuredCompression];
