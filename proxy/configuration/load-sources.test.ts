/** What the command line names: a file, a text that is merged over it, or nothing. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfiguration } from './load.ts';

const file = `static_resources:
  clusters:
  - name: httpbin
    type: STRICT_DNS
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
`;

test('--config-yaml is merged over the file: messages by field, lists one after the other', t => {
  const folder = mkdtempSync(join(tmpdir(), 'load-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'proxy.yaml');
  writeFileSync(path, file);
  const yaml =
    'admin: { address: { socket_address: { port_value: 9999 } } }\nstaticResources: { clusters: [{ name: two }] }';
  const over = yaml.replace('port_value: 9999', 'address: 127.0.0.2, port_value: 9999');
  const { bootstrap } = loadConfiguration({ path, yaml: over });
  const address = bootstrap.admin?.address?.address.value as { address: string; portSpecifier: { value: number } };
  assert.deepEqual([address.address, address.portSpecifier.value], ['127.0.0.2', 9999]);
  assert.deepEqual(
    bootstrap.staticResources?.clusters.map(({ name }) => name),
    ['httpbin', 'two'],
  );
});

test('nothing at all is refused in Envoy’s words', () => {
  assert.throws(() => loadConfiguration({}), {
    message: 'At least one of --config-path or --config-yaml or Options::configProto() should be non-empty',
  });
});
