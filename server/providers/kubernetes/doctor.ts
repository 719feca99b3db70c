/** What a cluster can do for sandboxes: rights, room, volumes, and a pod that tries it all. */
import { randomBytes } from 'node:crypto';
import { AgentClient } from '../../agent/client.ts';
import type { Finding, SandboxLimits } from '../provider.ts';
import { ProviderError } from '../provider.ts';
import { connectCommand } from '../sandbox-image.ts';
import { boundsName } from './bounds.ts';
import type { Cluster } from './cluster.ts';
import { checkMinikube } from './minikube.ts';
import { removeNamespace, trialPrefix } from './namespaces.ts';
import { container, namespaceOf, type PodPlan, podName, requestedMemory } from './pod.ts';
import type { Pods } from './pods.ts';
import { bytesOf } from './quantity.ts';
import { isStatus } from './refusals.ts';

const trialLimits: SandboxLimits = {
  memoryBytes: 256 << 20,
  processes: 100,
  diskBytes: 16 << 20,
  cpus: 1,
  openFiles: 256,
};
/** Where nobody tells how much room there is: the scheduler says when it is full. */
const unknownRoom = 1000;
const usualMemory = 384 << 20;

const works = (subject: string, detail: string): Finding => ({ subject, state: 'works', detail });
const missing = (subject: string, detail: string, remedy: string): Finding => ({
  ...{ subject, detail, remedy },
  state: 'missing',
});

export async function minikubeFacts(profile: string | undefined): Promise<Finding[]> {
  if (profile === undefined) return [];
  await checkMinikube(profile);
  return [works('minikube', `the profile ${profile} runs`)];
}

/** What can be asked without a pod. @throws what the cluster answers */
export async function clusterFacts(cluster: Cluster, plan: PodPlan): Promise<{ findings: Finding[]; room: number }> {
  const { gitVersion } = await cluster.version.getCode();
  const [rights, volumes, nodes] = await Promise.all([
    rightsFinding(cluster, plan),
    plan.homes === 'volume' ? volumeFinding(cluster, plan) : [homesFinding],
    nodesFinding(cluster),
  ]);
  const findings = [works('cluster', `Kubernetes ${gitVersion}, ${cluster.description}`), rights, ...nodes.findings];
  return {
    findings: [...findings, works('image', plan.image), limitsFinding, ...wallFindings(plan), ...volumes],
    room: nodes.room,
  };
}

const homesFinding: Finding = {
  subject: 'homes',
  state: 'limited',
  detail: 'homes last as long as their pods: what learners wrote is lost with them, their progress is not',
  remedy: '--homes volume',
};

/** What the server does, as verbs and resources. */
const needed = [
  ...['create', 'delete', 'get', 'list', 'watch'].map(verb => ({ verb, resource: 'pods' })),
  { verb: 'create', resource: 'pods', subresource: 'exec' },
  { verb: 'get', resource: 'pods', subresource: 'exec' },
  { verb: 'get', resource: 'pods', subresource: 'log' },
  { verb: 'list', resource: 'events' },
  { verb: 'watch', resource: 'events' },
];
/** Where each learner has a namespace, of all of them. */
const neededForNamespaces = [
  ...['create', 'delete', 'get', 'list'].map(verb => ({ verb, resource: 'namespaces' })),
  ...['create', 'get'].map(verb => ({ verb, resource: 'serviceaccounts' })),
  ...['resourcequotas', 'limitranges'].flatMap(resource => [
    { verb: 'create', resource },
    ...['get', 'update'].map(verb => ({ verb, resource, name: boundsName })),
  ]),
  ...['create', 'get'].map(verb => ({ verb, resource: 'networkpolicies', group: 'networking.k8s.io' })),
];
const neededForHomes = ['create', 'delete'].map(verb => ({ verb, resource: 'persistentvolumeclaims' }));

async function rightsFinding({ authorization }: Cluster, { namespace, namespaces, homes }: PodPlan): Promise<Finding> {
  const each = namespaces === 'learner';
  const all = [...needed, ...(homes === 'volume' ? neededForHomes : []), ...(each ? neededForNamespaces : [])];
  const scope = each ? {} : { namespace };
  const where = each ? 'in all namespaces' : `in the namespace ${namespace}`;
  const answers = await Promise.all(
    all.map(resourceAttributes =>
      authorization.createSelfSubjectAccessReview({
        body: { spec: { resourceAttributes: { ...scope, ...resourceAttributes } } },
      }),
    ),
  );
  const refused = all.filter((_, index) => answers[index]?.status?.allowed !== true);
  if (refused.length === 0) return works('rights', `all that is needed ${where}`);
  const list = refused.map(({ verb, resource, ...rest }) => {
    const sub = (rest as { subresource?: string }).subresource;
    return `${verb} ${resource}${sub ? `/${sub}` : ''}`;
  });
  return missing(
    'rights',
    `this user may not ${list.join(', ')} ${where}`,
    each
      ? 'give this user the ClusterRole of images/kubernetes (sandboxes.namespaces), or --namespaces one'
      : 'give this user the Role of images/kubernetes',
  );
}

/** The container's limit is the only one that a pod can have: nothing in it may make control groups. */
const limitsFinding: Finding = {
  subject: 'limits',
  state: 'limited',
  detail:
    'memory and CPU of each pod, by the kubelet. Who takes all the memory of their sandbox may end it: it is started again with the home',
};

/** What a node's kubelet is told besides: named here, since it decides how good the walls are. */
function wallFindings({ seccomp, apparmor }: PodPlan): Finding[] {
  const walls = 'users of their own, dropped capabilities, no token';
  return [
    seccomp === 'unconfined'
      ? {
          subject: 'seccomp',
          state: 'limited',
          detail: `none, as --seccomp says; ${walls} hold`,
          remedy: '--seccomp unicorn/sandbox.json',
        }
      : works('seccomp', `${seccomp} of the nodes' kubelets`),
    works('AppArmor', apparmor === 'unconfined' ? `unconfined; seccomp, ${walls} hold` : apparmor),
  ];
}

async function volumeFinding({ storage }: Cluster, { storageClass }: PodPlan): Promise<Finding[]> {
  try {
    const { items } = await storage.listStorageClass();
    const isDefault = (name: string): boolean =>
      items.find(({ metadata }) => metadata?.name === name)?.metadata?.annotations?.[
        'storageclass.kubernetes.io/is-default-class'
      ] === 'true';
    const names = items.map(({ metadata }) => metadata?.name ?? '');
    const found = storageClass === undefined ? names.find(isDefault) : names.find(name => name === storageClass);
    if (found) return [works('homes', `a volume of ${found} for each`)];
    const what = storageClass === undefined ? 'no default storage class' : `no storage class ${storageClass}`;
    const others = names.length > 0 ? `--storage-class NAME (${names.join(', ')}), or ` : '';
    return [missing('homes', `the cluster has ${what}`, `${others}--homes none`)];
  } catch (error) {
    if (!isStatus(error, 403)) throw error;
    return [works('homes', `a volume of ${storageClass ?? 'the default class'} for each, not tried`)];
  }
}

async function nodesFinding({ core }: Cluster): Promise<{ findings: Finding[]; room: number }> {
  try {
    const { items } = await core.listNode();
    const usable = items.filter(({ spec }) => !spec?.unschedulable);
    const memory = usable.map(({ status }) => bytesOf(status?.allocatable?.memory ?? '0'));
    const each = requestedMemory({ limits: { ...trialLimits, memoryBytes: usualMemory } });
    const room = memory.reduce((sum, bytes) => sum + Math.floor((0.9 * bytes) / each), 0);
    const total = memory.reduce((sum, bytes) => sum + bytes, 0);
    return {
      findings: [works('nodes', `${usable.length} with ${Math.round(total / (1 << 30))} GiB of memory together`)],
      room: Math.max(1, room),
    };
  } catch (error) {
    if (!isStatus(error, 403)) throw error;
    return { findings: [], room: unknownRoom };
  }
}

/** Shell that names what a learner in a pod could reach of the cluster; says nothing where that is nothing. */
const outlook = [
  '[ ! -e /var/run/secrets/kubernetes.io ] || echo "a token of the cluster"',
  'for name in $(awk -F: \'NR>2 {print $1}\' /proc/net/dev); do [ $name = lo ] || echo "the network $name"; done',
  '[ -z "$(awk \'NR>1\' /proc/net/route)" ] || echo "a route out"',
  'env | grep -q KUBERNETES_SERVICE_HOST && echo "the address of the API server"; true',
].join('\n');

/** A pod that goes the whole way: admission, node, nesting, exec, and a look around from the learner's place. */
export async function preflight(cluster: Cluster, pods: Pods): Promise<Finding[]> {
  const subject = 'trial';
  const started = performance.now();
  const id = `${trialPrefix}${randomBytes(6).toString('hex')}`;
  const request = { id, home: id, limits: trialLimits, orphanTimeoutSeconds: 60 };
  const plan: PodPlan = { ...pods.plan, homes: 'none' };
  const name = podName(plan.owner, id);
  const namespace = namespaceOf(plan, id);
  try {
    await pods.start(request, plan, () => {});
    const seen = await lookAround(cluster, namespace, name);
    if (seen !== '')
      return [
        missing('isolation', `a learner would see ${seen}`, 'do not use this cluster: tell the makers of Unicorn'),
      ];
    const ms = Math.round(performance.now() - started);
    return [works(subject, `a sandbox ran in a pod and saw nothing of the cluster, ${ms} ms after it was asked for`)];
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return [
      missing(subject, `a sandbox does not run in a pod here: ${error.message}`, error.remedy ?? 'kubectl get events'),
    ];
  } finally {
    // What the trial found is what matters; what it leaves is swept.
    await pods.end(name, namespace).catch(() => {});
    if (plan.namespaces === 'learner') await removeNamespace(cluster, plan, id).catch(() => {});
  }
}

async function lookAround(cluster: Cluster, namespace: string, name: string): Promise<string> {
  const agent = await AgentClient.connect(await cluster.exec(namespace, name, container, connectCommand));
  try {
    const command = ['bash', '-c', outlook];
    const { standardOutput } = await agent.call('execute', {
      ...{ command, user: 'learner', timeoutMs: 10_000, maximumOutput: 4096 },
    });
    return standardOutput.trim().replaceAll('\n', ', ');
  } finally {
    agent.close();
  }
}
