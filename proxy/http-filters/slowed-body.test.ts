import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeaderMap } from '../http/headers.ts';
import { ByteBucket } from '../rate-limit/byte-bucket.ts';
import { SlowedBody } from './slowed-body.ts';

/** A body of 10 bytes a tick, of which 30 may wait; what happened, and whether it is over. */
function slowed() {
  let ns = 10n ** 12n;
  const events: string[] = [];
  const over = Promise.withResolvers<void>();
  const body = new SlowedBody(
    {
      send: (chunk, end) => {
        events.push(`${chunk.length}${end ? ' end' : ''}`);
        if (end) over.resolve();
      },
      sendTrailers: ({ entries }) => {
        events.push(entries.join('='));
        over.resolve();
      },
      pause: () => events.push('pause'),
      resume: () => events.push('resume'),
    },
    {
      bucket: new ByteBucket(1000, 10, undefined, () => ns),
      intervalMs: 1,
      bufferLimit: 30,
      observer: {
        sent: () => {
          // As much as is sent each time comes in until the next.
          ns += 10_000_000n;
        },
        done: () => events.push('done'),
      },
    },
  );
  return { body, events, over: over.promise };
}

test('a body goes on by and by, and whoever sends it pauses while too much of it waits', async () => {
  const { body, events, over } = slowed();
  body.add(Buffer.alloc(18), false);
  body.add(Buffer.alloc(17), true);
  await over;
  assert.deepEqual(events, ['pause', '10', 'resume', '10', '10', 'done', '5 end']);
});

test('trailers wait for the body', async () => {
  const { body, events, over } = slowed();
  const trailers = new HeaderMap();
  trailers.set('x-a', 'b');
  body.add(Buffer.alloc(15), false);
  body.addTrailers(trailers);
  await over;
  assert.deepEqual(events, ['10', '5', 'done', 'x-a=b']);
});

test('nothing goes on once it is stopped', async () => {
  const { body, events } = slowed();
  body.add(Buffer.alloc(15), true);
  body.stop();
  await new Promise(resolve => setTimeout(resolve, 5));
  assert.deepEqual(events, []);
});
