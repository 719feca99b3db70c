import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { describe, it, test } from 'node:test';
import { connectionPreface, frameFlag, frameHead, frameType, headersFrames } from '../frames.ts';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';
import { HpackError } from './hpack-error.ts';

const ample = { maximumBytes: 1 << 20, maximumHeaders: 10_000 };

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replace(/\s/g, ''), 'hex');
}

function read(decoder: HpackDecoder, block: Buffer, limits = ample): string[] {
  return decoder.decode(block, 0, block.length, limits);
}

function write(encoder: HpackEncoder, fields: string[]): Buffer {
  encoder.begin();
  for (let i = 0; i < fields.length; i += 2) encoder.field(fields[i]!, fields[i + 1]!);
  return Buffer.from(encoder.finish(), 'latin1');
}

/** The examples of RFC 7541, appendix C: blocks of one connection, and what they hold. */
const get = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
const requests = [
  get,
  [...get, 'cache-control', 'no-cache'],
  [
    ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com'],
    ...['custom-key', 'custom-value'],
  ],
];
const response = (status: string, second: string) => [
  ...[':status', status, 'cache-control', 'private', 'date', `Mon, 21 Oct 2013 20:13:${second} GMT`],
  ...['location', 'https://www.example.com'],
];
const responses = [
  response('302', '21'),
  response('307', '21'),
  [
    ...[...response('200', '22'), 'content-encoding', 'gzip', 'set-cookie'],
    'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];
const plainRequests = [
  '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
  '8286 84be 5808 6e6f 2d63 6163 6865',
  '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
];
const huffmanRequests = [
  '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
  '8286 84be 5886 a8eb 1064 9cbf',
  '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
];
const tableOf256 = '3fe1 01';
const plainResponses = [
  `${tableOf256} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073
  3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
  '4803 3330 37c1 c0bf',
  `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f
  5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
];
const huffmanResponses = [
  `${tableOf256} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
  '4883 640e ffc1 c0bf',
  `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1
  ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
];

describe('the examples of RFC 7541', () => {
  const examples: [string, string[], string[][]][] = [
    [
      'C.2.1 indexed literal',
      ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'],
      [['custom-key', 'custom-header']],
    ],
    ['C.2.2 literal that is not indexed', ['040c 2f73 616d 706c 652f 7061 7468'], [[':path', '/sample/path']]],
    ['C.2.3 literal that is never indexed', ['1008 7061 7373 776f 7264 0673 6563 7265 74'], [['password', 'secret']]],
    ['C.2.4 indexed field', ['82'], [[':method', 'GET']]],
    ['C.3 requests', plainRequests, requests],
    ['C.4 requests in Huffman code', huffmanRequests, requests],
    ['C.5 responses', plainResponses, responses],
    ['C.6 responses in Huffman code', huffmanResponses, responses],
  ];
  for (const [name, blocks, wanted] of examples) {
    it(`${name} are read`, () => {
      const decoder = new HpackDecoder();
      assert.deepEqual(
        blocks.map(block => read(decoder, bytes(block))),
        wanted,
      );
    });
  }

  it('C.4 requests are written so', () => {
    const encoder = new HpackEncoder();
    assert.deepEqual(
      requests.map(fields => write(encoder, fields)),
      huffmanRequests.map(bytes),
    );
  });
});

describe('what no block may hold', () => {
  const refused: [string, string][] = [
    ['index 0', '80'],
    ['an index behind the static table, where nothing else is', 'be'],
    ['a name behind the static table', '7e 01 61'],
    ['an index of a field that was given up', '40 01 61 01 62 20 be'],
    ['an index that has no end', 'ff'],
    ['an index beyond all tables', 'ff ff ff ff 07'],
    ['a number larger than any', 'ff ff ff ff ff ff ff ff ff ff 01'],
    ['a number that goes on in zeros', 'ff 80 80 80 80 80 80 80 00'],
    ['a field without value', '40 01 61'],
    ['a name that is cut off', '40 05 61'],
    ['a value that is cut off', '40 01 61 05 62'],
    ['a value that is cut off in Huffman code', '40 01 61 85 62'],
    ['a value of nearly 2^28 bytes', '40 01 61 7f ff ff ff 7f'],
    ['a table above what was allowed', '3f e2 1f'],
    ['a change of the table after a field', '82 20'],
    ['three changes of the table', '20 3f 01 20'],
    ['eight bits of padding', '40 01 61 82 1f ff'],
    ['padding of zeros', '40 01 61 81 18'],
    ['padding alone', '40 01 61 81 ff'],
    ['the end of a string within it', '40 01 61 84 ff ff ff ff'],
  ];
  for (const [name, block] of refused) {
    it(name, () => assert.throws(() => read(new HpackDecoder(), bytes(block)), HpackError));
  }
});

test('two changes of the table may begin a block', () => {
  const decoder = new HpackDecoder();
  read(decoder, bytes('40 01 61 01 62'));
  assert.deepEqual(read(decoder, bytes('20 3f e1 1f 82')), [':method', 'GET']);
  assert.throws(() => read(decoder, bytes('be')), HpackError);
});

test('a table larger than usual is kept where the peer was told of it, and costs what it holds', () => {
  const decoder = new HpackDecoder(0xffff_ffff);
  // A size of 64 KB, then fields of 34 bytes each.
  read(decoder, bytes('3f e1 ff 03'));
  const names = Array.from({ length: 1500 }, (_, i) => String.fromCharCode(97 + (i % 26)));
  for (const name of names) read(decoder, Buffer.from([0x40, 1, name.charCodeAt(0), 1, 120]));
  assert.deepEqual(read(decoder, bytes('be')), [names.at(-1), 'x']);
  // 62 + 1499 as an integer of seven bits.
  assert.deepEqual(read(decoder, bytes('ff 9a 0b')), [names[0], 'x']);
});

describe('limits', () => {
  it('a block of references to one large field', () => {
    const decoder = new HpackDecoder();
    const value = 'x'.repeat(3000);
    read(decoder, Buffer.concat([bytes('40 01 61 7f b9 16'), Buffer.from(value)]));
    const bomb = Buffer.alloc(16_384, 0xbe);
    const fields = read(decoder, bomb, { maximumBytes: 60 * 1024, maximumHeaders: 100 });
    assert.equal(decoder.overLimit, true);
    assert.deepEqual(fields, Array.from({ length: 20 }, () => ['a', value]).flat());
  });

  it('fields are counted, and those that are left out still change the table', () => {
    const decoder = new HpackDecoder();
    const limits = { maximumBytes: 1000, maximumHeaders: 2 };
    assert.deepEqual(read(decoder, bytes('82 82'), limits), [':method', 'GET', ':method', 'GET']);
    assert.equal(decoder.overLimit, false);
    assert.deepEqual(read(decoder, bytes('82 82 40 01 61 01 62'), limits), [':method', 'GET', ':method', 'GET']);
    assert.equal(decoder.overLimit, true);
    assert.deepEqual(read(decoder, bytes('be'), limits), ['a', 'b']);
    assert.equal(decoder.overLimit, false);
  });
});

describe('what the encoder keeps from the table', () => {
  const first = (name: string, value: string) => write(new HpackEncoder(), [name, value])[0]! & 0xf0;
  const never = 0x10;
  for (const name of ['authorization', 'proxy-authorization'])
    it(name, () => assert.equal(first(name, 'Basic YTpi'), never));
  it('short cookies', () => assert.equal(first('cookie', 'a=1'), never));
  it('values that are never the same', () => assert.equal(first('x-request-id', 'a'), 0));
  it('but long cookies are indexed', () => assert.equal(first('cookie', `session=${'a'.repeat(30)}`) & 0xc0, 0x40));
});

test('an encoder says the smallest size of the table since the last block, and the last one', () => {
  const encoder = new HpackEncoder();
  write(encoder, ['a', 'b']);
  encoder.setMaxTableSize(0);
  encoder.setMaxTableSize(100_000);
  assert.equal(write(encoder, ['a', 'b']).subarray(0, 4).toString('hex'), '203fe11f');
  assert.equal(write(encoder, ['a', 'b']).toString('hex'), 'be');
});

/** Fields that any HTTP/2 server takes, for streams of one connection. */
const tried = Array.from({ length: 60 }, (_, i) => [
  ...[':method', i % 2 === 0 ? 'GET' : 'POST', ':scheme', 'http', ':authority', `h${i % 3}.example`, ':path', `/${i}`],
  ...['x-same', 'always', 'x-of-ten', `value ${i % 10}`, 'x-long', `${i}`.repeat(200 * (i % 11))],
  ...['x-bytes', String.fromCharCode(128 + i, 33 + i, 255 - i), `x-name-${i % 7}`, '', 'authorization', `Basic ${i}`],
]);

test("Node's HTTP/2 server reads what the encoder writes, and the decoder what it answers", {
  timeout: 20_000,
}, async () => {
  const seen: string[][] = [];
  const server = createServer({ settings: { headerTableSize: 1000 } });
  server.on('stream', (stream, _headers, _flags, raw) => {
    seen.push(raw as string[]);
    stream.respond({ ':status': 200, 'x-count': String(seen.length % 5), 'x-padding': 'p'.repeat(seen.length * 7) });
    stream.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const encoder = new HpackEncoder();
  encoder.setMaxTableSize(1000);
  let text = connectionPreface + frameHead(0, frameType.SETTINGS, 0, 0);
  for (const [i, fields] of tried.entries())
    text += headersFrames(i * 2 + 1, write(encoder, fields).toString('latin1'), true);
  socket.write(text, 'latin1');

  const decoder = new HpackDecoder();
  const answers: string[][] = [];
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of socket) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    while (rest.length >= 9) {
      const end = 9 + rest.readUIntBE(0, 3);
      if (rest.length < end) break;
      assert.notEqual(rest[3], frameType.GOAWAY);
      if (rest[3] === frameType.HEADERS) {
        assert.ok(rest[4]! & frameFlag.END_HEADERS);
        answers.push(decoder.decode(rest, 9, end, ample));
      }
      rest = rest.subarray(end);
    }
    if (answers.length === tried.length) break;
  }
  socket.destroy();
  server.close();
  assert.deepEqual(seen, tried);
  for (const [i, answer] of answers.entries())
    assert.deepEqual(answer.slice(0, 6), [
      ':status',
      '200',
      'x-count',
      String((i + 1) % 5),
      'x-padding',
      'p'.repeat((i + 1) * 7),
    ]);
});
