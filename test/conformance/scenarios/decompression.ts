/** The filter that unpacks bodies. */
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { end, frame, get, headers, post } from '../frames.ts';
import type { Scenario } from '../scenario.ts';
import { accept, chunking, html, packed, parts, saying, statsOf, text } from './compression.ts';
import { modify, typed } from './filters.ts';
import { frames } from './http2.ts';

type Json = Record<string, unknown>;

const unpackerType = 'envoy.extensions.filters.http.decompressor.v3.Decompressor';
const unpacking = (kind: string, name: string, configuration: Json, more: Json = {}) => ({
  name,
  typed_config: typed(unpackerType, {
    decompressor_library: {
      name,
      typed_config: typed(`envoy.extensions.compression.${kind.toLowerCase()}.decompressor.v3.${kind}`, configuration),
    },
    ...more,
  }),
});

const latin1 = (bytes: Buffer): string => bytes.toString('latin1');
const gzipped = latin1(gzipSync(text));
const brotlied = latin1(brotliCompressSync(text));
const zstdied = latin1(zstdCompressSync(text));
const long = text.repeat(5000);
const coded = (coding: string) => `content-encoding: ${coding}`;

/** Several that unpack, each another coding. */
const unpackedBodies: Scenario = {
  name: 'bodies that are unpacked',
  config: (ports, log) =>
    parts(ports, log, [
      unpacking('Gzip', 'g', { window_bits: 15, chunk_size: 8192 }),
      unpacking(
        'Brotli',
        'b',
        { chunk_size: 8192 },
        {
          request_direction_config: { advertise_accept_encoding: true },
        },
      ),
      unpacking(
        'Zstd',
        'z',
        {},
        {
          request_direction_config: {
            advertise_accept_encoding: false,
            common_config: { enabled: { default_value: true, runtime_key: 'unpacking' } },
          },
          response_direction_config: { common_config: { ignore_no_transform_header: true } },
        },
      ),
    ]),
  steps: [
    packed('gzip', saying([html, coded('gzip')], gzipped)),
    packed('br', saying([html, coded('br')], brotlied)),
    packed('zstd', saying([html, coded('zstd')], zstdied)),
    packed('chunks', chunking([coded('gzip')], gzipped.slice(0, 7), gzipped.slice(7))),
    packed('a long body', '/echo-body', [coded('gzip')], latin1(gzipSync(long.slice(0, 100_000))), 'POST'),
    packed('in capitals', saying([coded('GZIP')], gzipped)),
    packed('another coding', saying([coded('deflate')], gzipped)),
    packed('no coding', saying([html])),
    packed('two codings', saying([coded('gzip, br')], latin1(gzipSync(Buffer.from(brotlied, 'latin1'))))),
    packed('two codings, the other one first', saying([coded('deflate, gzip')], gzipped)),
    packed('not to be transformed', saying([coded('gzip'), 'cache-control: no-transform'], gzipped)),
    packed('not to be transformed, but told to', saying([coded('zstd'), 'cache-control: no-transform'], zstdied)),
    packed('an etag', saying([coded('gzip'), 'etag: "abc"', 'vary: a'], gzipped)),
    packed('HEAD', saying([coded('gzip')], gzipped), [], '', 'HEAD'),
    packed('what the upstream sees', '/echo'),
    packed('what the upstream sees of a client that accepts', '/echo', [accept('deflate;q=0.5')]),
    packed('what the upstream sees of a client that accepts gzip', '/echo', [accept('gzip, br')]),
    packed('a request', '/echo-body', [coded('gzip')], gzipped, 'POST'),
    packed('the head of a request', '/echo', [coded('br')], brotlied, 'POST'),
    packed('a request in zstd', '/echo-body', [coded('zstd')], zstdied, 'POST'),
    packed('a request not to be transformed', '/echo', [coded('gzip'), 'cache-control: no-transform'], gzipped, 'POST'),
    packed('broken gzip', saying([coded('gzip')], `not ${gzipped}`)),
    packed('broken br', saying([coded('br')], `not ${brotlied}`)),
    packed('broken zstd', saying([coded('zstd')], `not ${zstdied}`)),
    packed('gzip cut short', saying([coded('gzip')], gzipped.slice(0, 30))),
    packed('an empty body', saying([coded('gzip')], '')),
    frames('over HTTP/2', [headers(1, get(saying([coded('gzip')], gzipped)))]),
    frames('a request over HTTP/2', [
      headers(1, post('/two/trailers', coded('gzip')), 0),
      frame('DATA', end, 1, gzipSync(text)),
    ]),
    frames('a request to HTTP/2', [
      headers(1, post('/two/echo', coded('gzip')), 0),
      frame('DATA', 0, 1, gzipSync(text)),
      headers(1, ['x-last: 1']),
    ]),
    packed('no bytes in chunks', chunking([coded('gzip')])),
    packed('a broken request', '/echo-body', [coded('gzip')], `not ${gzipped}`, 'POST'),
    modify('unpacking=false'),
    packed('switched off by runtime', '/echo', [coded('zstd')], zstdied, 'POST'),
    statsOf('decompressor'),
  ],
};

/** What stands behind the end of what was compressed. */
const severalMembers: Scenario = {
  name: 'gzip and what follows it',
  config: (ports, log) => parts(ports, log, [unpacking('Gzip', 'g', {})]),
  steps: [
    packed('something else', saying([coded('gzip')], `${gzipped}more`)),
    packed('zeros', saying([coded('gzip')], `${gzipped}\0\0`)),
    packed('gzip again', saying([coded('gzip')], gzipped + gzipped)),
  ],
};

/** A body that is far larger than what comes in. */
const bombs: Scenario = {
  name: 'bodies that are unpacked to more than they may be',
  config: (ports, log) => parts(ports, log, [unpacking('Gzip', 'g', { max_inflate_ratio: 10 })]),
  steps: [
    packed('below the ratio', saying([coded('gzip')], latin1(gzipSync('a'.repeat(150))))),
    packed('a bomb', saying([coded('gzip')], latin1(gzipSync('a'.repeat(100_000))))),
    packed('a request', '/echo-body', [coded('gzip')], latin1(gzipSync('a'.repeat(100_000))), 'POST'),
    statsOf('decompressor'),
  ],
};

export const decompression: Scenario[] = [unpackedBodies, severalMembers, bombs];
