/** What Kubernetes is told of a sandbox's pod, and of the volume that keeps its home. */
import type { V1PersistentVolumeClaim, V1Pod, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { SandboxRequest } from '../provider.ts';
import { boxRequest, imagePaths, ownMemory } from '../sandbox-image.ts';
import { mebibytes } from './quantity.ts';

/** Labels by which a server knows its own; nothing without them is ever touched. */
export const labels = {
  application: 'app.kubernetes.io/name',
  owner: 'unicorn/owner',
  sandbox: 'unicorn/sandbox',
  home: 'unicorn/home',
} as const;
/** The value of `labels.application` on every pod that holds a sandbox: what the network policy chooses by. */
export const sandboxApplication = 'unicorn-sandbox';
export const serviceAccount = 'unicorn-sandbox';
export const container = 'box';

/** The box saves the home within the first seconds of it. */
export const graceSeconds = 20;
/** How much of its memory a sandbox is sure of; the scheduler counts with it. The rest is there while the node has it. */
const requestedShare = 0.5;
const requestedCpu = '100m';
const user = 1000;

export interface PodPlan {
  owner: string;
  image: string;
  namespace: string;
  namespaces: 'one' | 'learner';
  /** A file below the kubelet's seccomp folder, or `unconfined`. */
  seccomp: string;
  /** A profile loaded on the nodes, or `unconfined`: what runtimes use by default lets nobody mount. */
  apparmor: string;
  homes: 'volume' | 'none';
  storageClass: string | undefined;
}

/** Names are at most 63 long: owners have 12 characters, ids 40. */
export const podName = (owner: string, id: string): string => `unicorn-${owner}-${id}`;
export const claimName = (owner: string, home: string): string => `unicorn-${owner}-home-${home}`;

/** Where the pods of a home go. */
export const namespaceOf = (
  { namespace, namespaces }: Pick<PodPlan, 'namespace' | 'namespaces'>,
  home: string,
): string => (namespaces === 'learner' ? `${namespace}-${home}` : namespace);

export const memoryOf = (request: Pick<SandboxRequest, 'limits'>): number => request.limits.memoryBytes + ownMemory;
export const requestedMemory = (request: Pick<SandboxRequest, 'limits'>): number => memoryOf(request) * requestedShare;
/** The home and, while it is saved, the next one. */
const keptBytes = ({ limits }: SandboxRequest): number => 2 * limits.diskBytes + (4 << 20);

/**
 * A pod in which a user without rights makes a sandbox: no root, users of its own (its 1000 is nobody on the node), no token, the root read-only, all
 * capabilities dropped but the two by which newuidmap and newgidmap map ids, /proc whole (the kernel shows a fresh one inside only then).
 */
export function sandboxPod(request: SandboxRequest, plan: PodPlan): V1Pod {
  const { id, home } = request;
  return {
    metadata: {
      name: podName(plan.owner, id),
      namespace: namespaceOf(plan, home),
      labels: {
        [labels.application]: sandboxApplication,
        [labels.owner]: plan.owner,
        [labels.sandbox]: id,
        [labels.home]: home,
      },
    },
    spec: {
      hostname: 'sandbox',
      hostUsers: false,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: graceSeconds,
      serviceAccountName: serviceAccount,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      dnsPolicy: 'Default',
      securityContext: {
        runAsUser: user,
        runAsGroup: user,
        runAsNonRoot: true,
        // The volume of the home becomes this group's.
        fsGroup: user,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: profileOf(plan.seccomp),
        appArmorProfile: profileOf(plan.apparmor),
      },
      containers: [
        {
          name: container,
          image: plan.image,
          imagePullPolicy: pullPolicy(plan.image),
          env: [{ name: 'UNICORN_REQUEST', value: boxRequest(request, 'create') }],
          resources: {
            requests: { memory: mebibytes(requestedMemory(request)), cpu: requestedCpu },
            limits: { memory: mebibytes(memoryOf(request)), cpu: `${Math.round(request.limits.cpus * 1000)}m` },
          },
          securityContext: {
            // Rights of newuidmap's file: without this the kernel does not give them.
            allowPrivilegeEscalation: true,
            capabilities: { drop: ['ALL'], add: ['SETUID', 'SETGID'] },
            procMount: 'Unmasked',
            readOnlyRootFilesystem: true,
          },
          volumeMounts: mounts,
        },
      ],
      volumes: volumes(request, plan),
    },
  };
}

const mounts: V1VolumeMount[] = [
  { name: 'run', mountPath: imagePaths.run },
  { name: 'tmp', mountPath: '/tmp' },
  { name: 'home', mountPath: imagePaths.kept },
];

function volumes(request: SandboxRequest, { owner, homes }: PodPlan): V1Volume[] {
  const memory = { medium: 'Memory', sizeLimit: '8Mi' };
  const kept: Partial<V1Volume> =
    homes === 'volume'
      ? { persistentVolumeClaim: { claimName: claimName(owner, request.home) } }
      : { emptyDir: { sizeLimit: mebibytes(keptBytes(request)) } };
  return [
    { name: 'run', emptyDir: memory },
    { name: 'tmp', emptyDir: memory },
    { name: 'home', ...kept },
  ];
}

const profileOf = (name: string) =>
  name === 'unconfined' ? { type: 'Unconfined' } : { type: 'Localhost', localhostProfile: name };

/** An image without a registry in its name was put on the nodes: there is nothing to fetch it from. */
export const pullPolicy = (image: string): 'IfNotPresent' | 'Never' => (image.includes('/') ? 'IfNotPresent' : 'Never');

/** What keeps a home between the pods of a learner. */
export function homeClaim(request: SandboxRequest, plan: PodPlan): V1PersistentVolumeClaim {
  return {
    metadata: {
      name: claimName(plan.owner, request.home),
      namespace: namespaceOf(plan, request.home),
      labels: { [labels.owner]: plan.owner, [labels.home]: request.home },
    },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: mebibytes(keptBytes(request)) } },
      ...(plan.storageClass === undefined ? {} : { storageClassName: plan.storageClass }),
    },
  };
}

/** Whether a cluster took a pod as it was asked for: old ones drop fields that they do not know, and the pod would have other walls. */
export function droppedFields(pod: V1Pod): string[] {
  const { spec } = pod;
  return [
    ...(spec?.hostUsers === false ? [] : ['hostUsers']),
    ...(spec?.containers[0]?.securityContext?.procMount === 'Unmasked' ? [] : ['procMount']),
  ];
}
