import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from './command-line.ts';

function refusal(...args: string[]): string {
  const parsed = parseCommandLine('proxy', args);
  assert.ok('print' in parsed && parsed.status === 1 && parsed.to === 'stderr', args.join(' '));
  return parsed.print;
}

test('options are read in both spellings', () => {
  const parsed = parseCommandLine('proxy', [
    '-c',
    'a.yaml',
    '--concurrency=2',
    '-l',
    'warn',
    '--base-id',
    '7',
    '--mode',
    'validate',
  ]);
  assert.ok('options' in parsed);
  const { configPath, concurrency, logLevel, baseId, mode } = parsed.options;
  assert.deepEqual(
    { configPath, concurrency, logLevel, baseId, mode },
    {
      configPath: 'a.yaml',
      concurrency: 2,
      logLevel: 'warning',
      baseId: 7,
      mode: 'validate',
    },
  );
});

test('what cannot be read is refused in Envoy’s words', () => {
  assert.match(
    refusal('--foo'),
    /^PARSE ERROR: Argument: --foo\n {13}Couldn't find match for argument\n\nBrief USAGE: /,
  );
  assert.match(refusal('stray'), /^PARSE ERROR: Argument: stray\n/);
  assert.match(refusal('-c'), /^PARSE ERROR: Argument: -c \(--config-path\)\n {13}Missing a value for this argument!/);
  assert.match(refusal('-c', 'a', '-c', 'b'), /Argument already set!/);
  assert.match(refusal('--concurrency', 'x'), /\(--concurrency\)\n {13}Couldn't read argument value from string 'x'/);
  assert.equal(refusal('--mode', 'x'), "error: unknown mode 'x'\n");
  assert.equal(refusal('-l', 'x'), "error: invalid log level specified 'x'\n");
  assert.equal(refusal('--component-log-level', 'nobody:info'), "error: invalid component specified 'nobody'\n");
});

test('help and version end well', () => {
  for (const [flag, text] of [
    ['--help', /--config-path <string>/],
    ['-h', /USAGE/],
    ['--version', /proxy {2}version: .*\/\d+\.\d+\.\d+\//],
  ] as const) {
    const parsed = parseCommandLine('proxy', [flag]);
    assert.ok('print' in parsed && parsed.status === 0 && parsed.to === 'stdout');
    assert.match(parsed.print, text);
  }
});
