import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { type DaemonMessage, follow } from './build.ts';

const following = async (...chunks: (string | Error)[]): Promise<DaemonMessage[]> => {
  const told: DaemonMessage[] = [];
  const messages = async function* () {
    for (const chunk of chunks) {
      if (chunk instanceof Error) throw chunk;
      yield Buffer.from(chunk);
    }
  };
  await follow(Readable.from(messages()), message => told.push(message));
  return told;
};

test("a daemon's messages are told one by one, wherever they are split", async () => {
  assert.deepEqual(await following('{"stream":"a"}\r\n{"sta', 'tus":"b"}\n\n'), [{ stream: 'a' }, { status: 'b' }]);
});

test('an error among them fails the whole, with what was said before', async () => {
  await assert.rejects(following('{"stream":"E: no network\\n"}\n{"error":"apt-get failed"}\n{"stream":"x"}\n'), {
    message: 'apt-get failed\nE: no network',
  });
  await assert.rejects(following('{"stream":"a"}\n', new Error('aborted')), { message: 'aborted' });
});
