import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputScanner, type ShellMark } from './scanner.ts';

function scan(bytes: Buffer, cuts: number[]): { marks: ShellMark[]; complete: number } {
  const marks: ShellMark[] = [];
  const scanner = new OutputScanner(mark => marks.push(mark));
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    scanner.push(bytes.subarray(from, cut));
    from = cut;
  }
  return { marks, complete: scanner.complete };
}

const session = Buffer.from(
  '\x1b]133;A\x07\x1b[1;35municorn\x1b[0m ~ $ \x1b]133;B\x07ls é€😀\r\n\x1b]133;C\x1b\\file\r\n\x1b]0;title\x07\x1b]133;D;130\x07\x1bP1$r0m\x1b\\\x1b(B\x1b]133;D\x07end',
);

test('finds the same marks wherever the output is cut', () => {
  const whole = scan(session, []);
  assert.deepEqual(whole.marks, [
    { mark: 'A', status: null },
    { mark: 'B', status: null },
    { mark: 'C', status: null },
    { mark: 'D', status: 130 },
    { mark: 'D', status: null },
  ]);
  for (let one = 0; one < session.length; one++)
    for (let two = one; two < session.length; two += 7) assert.deepEqual(scan(session, [one, two]), whole);
});

const complete: [string, string, number][] = [
  ['plain text', 'abc', 3],
  ['a colour that is cut', 'abc\x1b[1;3', 3],
  ['an escape alone', 'abc\x1b', 3],
  ['a colour that is whole', 'abc\x1b[1;31m', 10],
  ['a title that is cut', 'ab\x1b]0;ti', 2],
  ['a title whose end is cut', 'ab\x1b]0;ti\x1b', 2],
  ['a title that is whole', 'ab\x1b]0;ti\x1b\\', 10],
  ['a charset that is cut', 'ab\x1b(', 2],
  ['a cancelled sequence', 'ab\x1b[1\x18', 6],
  ['a sequence that another one breaks off', 'ab\x1b[1\x1b[2', 5],
  ['a device string that is cut', 'ab\x1bPq1;2', 2],
];
for (const [name, text, offset] of complete)
  test(`knows where the output is complete: ${name}`, () => {
    const bytes = Buffer.from(text, 'latin1');
    for (let cut = 0; cut <= bytes.length; cut++) assert.equal(scan(bytes, [cut]).complete, offset);
  });

test('knows where a character is cut', () => {
  const bytes = Buffer.from('aé€😀');
  const found = bytes.map((_, at) => scan(bytes.subarray(0, at + 1), []).complete);
  assert.deepEqual([...found], [1, 1, 3, 3, 3, 6, 6, 6, 6, 10]);
});

test('a string without end costs no memory and ends in time', () => {
  const scanner = new OutputScanner(() => assert.fail('no mark is there'));
  const part = Buffer.alloc(65536, 0x61);
  scanner.push(Buffer.from('\x1b]133;A'));
  for (let at = 0; at < 100; at++) scanner.push(part);
  scanner.push(Buffer.from('\x18'));
  assert.equal(scanner.complete, 7 + 100 * 65536 + 1);
});
