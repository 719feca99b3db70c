import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestHeaders } from '../http/headers.ts';
import { readB3, writeB3 } from './b3.ts';
import { readTraceParent, writeTraceParent } from './trace-parent.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const id = '00f067aa0ba902b7';
const parentId = '53995c3f42cd8ad8';

function headOf(...entries: string[]): RequestHeaders {
  const head = new RequestHeaders();
  head.entries = entries;
  return head;
}

describe('B3', () => {
  it('reads back what it writes, in one header and in several', () => {
    for (const oneHeader of [true, false])
      for (const parent of ['', parentId])
        for (const sampled of [true, false]) {
          const head = headOf();
          writeB3(head, { traceId, id, parentId: parent, sampled, oneHeader });
          deepEqual(readB3(head), { ids: { traceId, id, parentId: parent }, sampled, oneHeader });
        }
  });

  it('replaces what stood there before, at the end', () => {
    const head = headOf('x-b3-traceid', 'a', 'accept', '*/*', 'x-b3-spanid', 'b');
    writeB3(head, { traceId, id, parentId: '', sampled: true, oneHeader: false });
    deepEqual(head.entries, ['accept', '*/*', 'x-b3-traceid', traceId, 'x-b3-spanid', id, 'x-b3-sampled', '1']);
  });

  for (const text of ['', 'x', `${traceId}-${id}-`, `${traceId}-${id}-2`, `${traceId}-${id}-1-`, `${traceId}${id}`]) {
    it(`takes no context from '${text}'`, () => equal(readB3(headOf('b3', text)), undefined));
  }

  it('takes a parent of zeros for none', () => {
    const head = headOf('x-b3-traceid', traceId, 'x-b3-spanid', id, 'x-b3-parentspanid', '0');
    deepEqual(readB3(head)?.ids, { traceId, id, parentId: '' });
  });
});

describe('traceparent', () => {
  it('reads back what it writes', () => {
    const head = headOf();
    writeTraceParent(head, { traceId, id, sampled: true, state: 'a=b' });
    deepEqual(readTraceParent(head), { traceId, id, sampled: true, state: 'a=b' });
  });

  it('knows none from one that cannot be understood', () => {
    equal(readTraceParent(headOf()), 'none');
    for (const text of ['', `00-${traceId}-${id}`, `00-${'0'.repeat(32)}-${id}-01`, `00-${traceId}-${id}-01-x`])
      equal(readTraceParent(headOf('traceparent', text)), undefined);
  });
});
