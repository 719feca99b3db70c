import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { classBounds } from '../../server/providers/kubernetes/bounds.ts';
import { helmSays, withoutHelm } from './programs.ts';

const top = resolve(import.meta.dirname, '../..');
const chart = join(top, 'images/kubernetes');
const missing = await withoutHelm();
const skip = missing ?? false;

interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  rules?: { resources: string[]; resourceNames?: string[]; verbs: string[] }[];
  spec?: {
    hard?: Record<string, string>;
    limits?: { type: string; default: object; defaultRequest: object }[];
    replicas?: number;
    template?: {
      spec: {
        containers: { env?: { name: string; value?: string; valueFrom?: object }[] }[];
        automountServiceAccountToken: boolean;
      };
    };
  };
  data?: Record<string, string>;
}

const render = async (...set: string[]): Promise<Manifest[]> => {
  const text = await helmSays('template', 'unicorn', chart, '-n', 'unicorn', ...set.flatMap(value => ['--set', value]));
  return parseAllDocuments(text)
    .map(document => document.toJS() as Manifest | null)
    .filter(manifest => manifest !== null);
};
const find = (manifests: Manifest[], kind: string): Manifest => {
  const found = manifests.find(manifest => manifest.kind === kind);
  assert.ok(found, `no ${kind}`);
  return found;
};

test('the profile in the chart is the one that the box is made for', async () => {
  const print = join(top, 'images/box/print-seccomp.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [print]);
  assert.equal(await readFile(join(chart, 'files/seccomp.json'), 'utf8'), stdout);
});

test('the chart is well formed', { skip }, async () => {
  assert.match(await helmSays('lint', chart), /0 chart\(s\) failed/);
});

test('the plain manifests are what the chart renders', { skip }, async () => {
  const plain = (await readFile(join(chart, 'manifests.yaml'), 'utf8')).split('\n').slice(2).join('\n');
  assert.equal(plain, await helmSays('template', 'unicorn', chart, '-n', 'unicorn'));
});

test('the server may work with pods of the sandboxes, and nowhere and with nothing else', { skip }, async () => {
  const manifests = await render();
  const roles = manifests.filter(({ kind }) => /Role$/.test(kind));
  assert.deepEqual(
    roles.map(({ kind, metadata }) => `${kind} ${metadata.namespace}`),
    ['Role unicorn-sandboxes'],
  );
  const allowed = roles[0]!.rules!.flatMap(({ resources, verbs }) => resources.map(name => `${name}: ${verbs}`));
  assert.deepEqual(allowed, [
    'pods: create,delete,get,list,watch',
    'pods/exec: create,get',
    'pods/log: get',
    'events: list,watch',
    'persistentvolumeclaims: create,delete',
    'serviceaccounts: get',
    'networkpolicies: get',
  ]);
  const namespaces = manifests.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name);
  assert.deepEqual(namespaces.sort(), ['unicorn-nodes', 'unicorn-sandboxes']);
});

test('where each learner has a namespace the server may set bounds in it, and change those that are its own', {
  skip,
}, async () => {
  const [role] = (await render('sandboxes.namespaces=learner')).filter(({ kind }) => /Role$/.test(kind));
  assert.equal(role?.kind, 'ClusterRole');
  const allowed = role.rules!.flatMap(({ resources, resourceNames = [], verbs }) =>
    resources.map(resource => [resource, ...resourceNames, verbs].join(' ')),
  );
  assert.deepEqual(allowed, [
    'pods create,delete,get,list,watch',
    'pods/exec create,get',
    'pods/log get',
    'events list,watch',
    'persistentvolumeclaims create,delete',
    'namespaces create,get',
    'serviceaccounts create,get',
    'resourcequotas create',
    'limitranges create',
    'resourcequotas unicorn-sandbox get,update',
    'limitranges unicorn-sandbox get,update',
    'namespaces delete,list',
    'networkpolicies create,get',
  ]);
});

test("a class's namespace has the same bounds, whether the chart makes it or a server outside", { skip }, async () => {
  const manifests = await render();
  const quota = find(manifests, 'ResourceQuota').spec?.hard;
  assert.deepEqual({ ...quota }, classBounds.quota);
  const [range, ...others] = find(manifests, 'LimitRange').spec?.limits ?? [];
  assert.deepEqual(others, []);
  const { _default, ...rest } = classBounds.range.spec!.limits[0]!;
  assert.deepEqual(range, { ...rest, default: _default });
});

test('several replicas have a database, a budget and no volume; without a database they are refused', {
  skip,
}, async () => {
  const manifests = await render('replicas=3', 'database.url=postgres://u:p@db/unicorn');
  assert.equal(find(manifests, 'Deployment').spec?.replicas, 3);
  find(manifests, 'PodDisruptionBudget');
  assert.equal(
    manifests.some(({ kind }) => kind === 'PersistentVolumeClaim'),
    false,
  );
  await assert.rejects(render('replicas=2'), /several replicas share a PostgreSQL database/);
  find(await render(), 'PersistentVolumeClaim');
});

test('namespaces that would give the server more are refused', { skip }, async () => {
  await assert.rejects(render('sandboxes.namespace=unicorn'), /must not be the server's/);
  await assert.rejects(render('nodes.namespace=unicorn-sandboxes'), /must be one of its own/);
});

test('every setting that the chart gives the server is one', { skip }, async () => {
  const { environmentSettings } = await import('../../server/command-line.ts');
  const { environmentName, settingDefinitions } = await import('../../server/settings.ts');
  const manifests = await render(
    'settings.idle-timeout=30',
    'sandboxes.storageClass=fast',
    'instructor.secret=0123456789abcdef',
  );
  const env = find(manifests, 'Deployment').spec!.template!.spec.containers[0]!.env!;
  const given = env.filter(({ name }) => name.startsWith('UNICORN_'));
  const known = settingDefinitions.map(({ key }) => environmentName(key));
  for (const { name } of given) assert.ok(known.includes(name), name);
  const plain = given.flatMap(({ name, value }) =>
    value === undefined ? [] : [[name, value.replace('$(POD_IP)', '10.0.0.1')]],
  );
  const settings = environmentSettings(Object.fromEntries(plain));
  assert.equal(settings.provider, 'kubernetes');
  assert.equal(settings.idleTimeout, 30);
  assert.deepEqual(settings.kubernetes.homes, 'volume');
  assert.match(settings.kubernetes.owner ?? '', /^[0-9a-f]{12}$/);
});
