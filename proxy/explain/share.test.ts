import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from '../command-line.ts';

test('what is to be explained is read from the command line, else from the environment', () => {
  const explain = (args: string[], environment = {}) => {
    const parsed = parseCommandLine('proxy', args, environment);
    return 'options' in parsed ? parsed.options.explain : parsed.print;
  };
  assert.equal(explain([]), undefined);
  assert.equal(explain(['--explain', 'header'], { PROXY_EXPLAIN: 'all' }), 0);
  assert.equal(explain([], { PROXY_EXPLAIN: 'all' }), 1);
  assert.equal(explain(['--explain', '2.5%']), 0.025);
  for (const wrong of ['101%', 'some', ''])
    assert.match(String(explain(['--explain', wrong])), /error: explain: '.*' is not one of 'header'/);
});
