import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

/** Opens files until there is no descriptor left, and asks again. */
const script = `
import { openSync } from 'node:fs';
import { memoryUsage } from ${JSON.stringify(join(import.meta.dirname, 'memory-usage.ts'))};
const before = memoryUsage();
try { for (;;) openSync('/dev/null'); } catch (error) { console.log(error.code); }
try { process.memoryUsage(); console.log('told'); } catch { console.log('not told'); }
console.log(memoryUsage().rss === before.rss && before.rss > 0);
`;

test('memory is told as it was where no descriptor is left to ask by', async () => {
  const command = `ulimit -n 64; exec ${process.execPath} --input-type=module -e "$SCRIPT"`;
  const child = spawn('sh', ['-c', command], { env: { ...process.env, SCRIPT: script } });
  let output = '';
  child.stdout.on('data', chunk => {
    output += String(chunk);
  });
  const [status] = await once(child, 'close');
  assert.equal(status, 0);
  assert.equal(output, 'EMFILE\nnot told\ntrue\n');
});
