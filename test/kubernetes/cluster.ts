/**
 * A real cluster for tests: only the one that UNICORN_TEST_KUBECONFIG names, never somebody's own. It has the sandbox's image (UNICORN_IMAGE) and, on its nodes,
 * the seccomp profile (UNICORN_SECCOMP, else what the provider takes by itself).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { CoreV1Api as Core, type CoreV1Api, KubeConfig, StorageV1Api } from '@kubernetes/client-node';
import { AgentClient } from '../../server/agent/client.ts';
import { environmentSettings } from '../../server/command-line.ts';
import type { KubernetesOptions } from '../../server/providers/kubernetes/options.ts';
import { KubernetesProvider } from '../../server/providers/kubernetes/provider.ts';
import type { Sandbox, SandboxLimits, SandboxRequest } from '../../server/providers/provider.ts';

const kubeconfig = process.env.UNICORN_TEST_KUBECONFIG;

/** For `skip` of tests. */
export const skip: string | false = kubeconfig ? false : 'no cluster for tests here: UNICORN_TEST_KUBECONFIG names one';

export const limits: SandboxLimits = {
  memoryBytes: 256 << 20,
  processes: 160,
  diskBytes: 24 << 20,
  cpus: 1,
  openFiles: 512,
};

let count = 0;
const freshName = (kind: string): string => `${kind}${process.pid}x${count++}`.padEnd(8, '0');

export interface TestCluster {
  config: KubeConfig;
  core: CoreV1Api;
  /** Of this file's tests; removed after them. */
  namespace: string;
  /** A provider for it, with a data folder of its own. */
  provider(options?: Partial<KubernetesOptions & { image: string }>): Promise<KubernetesProvider>;
  request(more?: Partial<SandboxRequest>): SandboxRequest;
  /** A class of volumes for homes, with this many. */
  volumes(count: number): Promise<string>;
}

/** The cluster, with a namespace for the tests of a file. */
export async function testCluster(): Promise<TestCluster> {
  process.env.KUBECONFIG = kubeconfig;
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig!);
  const core = config.makeApiClient(Core);
  const namespace = freshName('unicorn-test-');
  await core.createNamespace({ body: { metadata: { name: namespace } } });
  const folders: string[] = [];
  after(async () => {
    await core.deleteNamespace({ name: namespace });
    for (const folder of folders) await rm(folder, { recursive: true });
  });
  const settings = environmentSettings(process.env);
  return {
    config,
    core,
    namespace,
    async provider(options = {}) {
      const data = await mkdtemp(join(tmpdir(), 'unicorn-kubernetes-'));
      folders.push(data);
      const { image, kubernetes } = settings;
      return new KubernetesProvider({ ...kubernetes, homes: 'none', namespace, image, data, ...options });
    },
    request: more => ({ id: freshName('box'), home: freshName('home'), limits, orphanTimeoutSeconds: 60, ...more }),
    volumes: wanted => makeVolumes(config, core, namespace, wanted),
  };
}

/** Folders of the node as volumes: what a bare cluster can have. A pod opens them to everybody, since a pod's users are others on the node. */
async function makeVolumes(config: KubeConfig, core: CoreV1Api, namespace: string, wanted: number): Promise<string> {
  const storage = config.makeApiClient(StorageV1Api);
  const name = `${namespace}-homes`;
  const folder = `/tmp/${name}`;
  const provisioner = 'kubernetes.io/no-provisioner';
  await storage.createStorageClass({ body: { metadata: { name }, provisioner, reclaimPolicy: 'Delete' } });
  const volumes = Array.from({ length: wanted }, (_, index) => `${name}-${index}`);
  await nodeRun(
    core,
    namespace,
    `cd /node; for v in ${volumes.join(' ')}; do mkdir -m 777 -p ${folder.slice(5)}/$v; chmod 777 ${folder.slice(5)}/$v; done`,
  );
  for (const volume of volumes)
    await core.createPersistentVolume({
      body: {
        metadata: { name: volume },
        spec: {
          storageClassName: name,
          accessModes: ['ReadWriteOnce'],
          capacity: { storage: '1Gi' },
          hostPath: { path: `${folder}/${volume}` },
          persistentVolumeReclaimPolicy: 'Retain',
        },
      },
    });
  after(async () => {
    await nodeRun(core, namespace, `rm -rf /node/${folder.slice(5)}`);
    for (const volume of volumes) await core.deletePersistentVolume({ name: volume });
    await storage.deleteStorageClass({ name });
  });
  return name;
}

/** Runs a script on the node, which has its /tmp as /node. */
async function nodeRun(core: CoreV1Api, namespace: string, script: string): Promise<void> {
  const name = freshName('node');
  const image = process.env.UNICORN_IMAGE ?? '';
  await core.createNamespacedPod({
    namespace,
    body: {
      metadata: { name },
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        volumes: [{ name: 'node', hostPath: { path: '/tmp' } }],
        containers: [
          {
            ...{ name: 'run', image, command: ['sh', '-c', script], securityContext: { runAsUser: 0 } },
            volumeMounts: [{ name: 'node', mountPath: '/node' }],
          },
        ],
      },
    },
  });
  for (let turn = 0; turn < 200; turn++) {
    const { status } = await core.readNamespacedPod({ name, namespace });
    if (status?.phase === 'Succeeded') break;
    if (status?.phase === 'Failed') throw new Error(`the script failed on the node: ${script}`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  await core.deleteNamespacedPod({ name, namespace, gracePeriodSeconds: 0 });
}

/** What a shell of the learner says in a sandbox. */
export async function shell(
  sandbox: Sandbox,
  script: string,
  timeoutMs = 20_000,
): Promise<{ status: number; said: string }> {
  const agent = await AgentClient.connect(await sandbox.connect());
  try {
    const command = ['bash', '-c', script];
    const answer = await agent.call('execute', { command, user: 'learner', timeoutMs, maximumOutput: 65_536 });
    return { status: answer.exitStatus, said: (answer.standardOutput + answer.standardError).trim() };
  } finally {
    agent.close();
  }
}
