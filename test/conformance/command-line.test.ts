/** Our proxy's command line beside Envoy's: the same status, and the words that a learner needs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { envoyIsMissing, findEnvoy, ours, runToEnd } from './subject.ts';

interface Case {
  name: string;
  args: string[];
  /** In what both print. */
  says?: RegExp;
}

const yaml = (text: string): string[] => ['--mode', 'validate', '--config-yaml', text];
const clusters = (text: string): string[] => yaml(`static_resources: { clusters: [${text}] }`);

const cases: Case[] = [
  { name: 'the version', args: ['--version'], says: /version: \S+\/\d+\.\d+\.\d+/ },
  { name: 'help', args: ['--help'], says: /--config-path|-c/ },
  {
    name: 'no configuration',
    args: [],
    says: /At least one of --config-path or --config-yaml or Options::configProto\(\) should be non-empty/,
  },
  {
    name: 'an unknown flag',
    args: ['--nonsense'],
    says: /PARSE ERROR: Argument: --nonsense\n\s+Couldn't find match for argument/,
  },
  { name: 'an unknown mode', args: ['--mode', 'nonsense'], says: /error: unknown mode 'nonsense'/ },
  { name: 'an unknown log level', args: ['-l', 'nonsense'], says: /error: invalid log level specified 'nonsense'/ },
  { name: 'a number that is none', args: ['--concurrency', 'x'], says: /PARSE ERROR/ },
  {
    name: 'a file that is not there',
    args: ['--mode', 'validate', '-c', '/nowhere/x.yaml'],
    says: /\/nowhere\/x\.yaml/,
  },
  { name: 'an empty configuration', args: yaml('{}'), says: /configuration '' OK/ },
  { name: 'no YAML', args: yaml('a: ['), says: /error initializing configuration ''/ },
  { name: 'YAML that is no object', args: yaml('- a'), says: /error initializing configuration ''/ },
  { name: 'an unknown field', args: clusters('{ name: a, typ: STATIC }'), says: /typ\b/ },
  { name: 'an unknown enum value', args: clusters('{ name: a, type: STATICC }'), says: /STATICC/ },
  {
    name: 'a bad duration',
    args: clusters('{ name: a, connect_timeout: 1x }'),
    says: /clusters\[0\]\.connect_timeout/,
  },
  {
    name: 'a constraint',
    args: clusters("{ name: '' }"),
    says: /ClusterValidationError\.Name: value length must be at least 1 characters/,
  },
  {
    name: 'a negative time',
    args: clusters('{ name: a, connect_timeout: -1s }'),
  },
  {
    name: 'a port that is none',
    args: yaml('admin: { address: { socket_address: { address: 127.0.0.1, port_value: 99999 } } }'),
    says: /SocketAddressValidationError\.PortValue: value must be less than or equal to 65535/,
  },
  {
    name: 'an address that is none',
    args: yaml('admin: { address: { socket_address: { address: nohost, port_value: 1 } } }'),
    says: /malformed IP address: nohost/,
  },
];

describe('the command line', { skip: envoyIsMissing }, () => {
  for (const { name, args, says } of cases) {
    it(name, async () => {
      const theirs = await runToEnd(findEnvoy()!, [...args, '--base-id', String(process.pid % 30_000)]);
      const own = await runToEnd(ours, [...args, '--base-id', String(process.pid % 30_000)]);
      assert.equal(own.status, theirs.status, own.output);
      if (says) {
        assert.match(theirs.output, says);
        assert.match(own.output, says);
      }
    });
  }
});
