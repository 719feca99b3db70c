/** Sandboxes in pods of a Kubernetes cluster, one a learner, reached by the streams of `exec`: no port, no route, no token. */
import type { Duplex } from 'node:stream';
import type { V1Pod } from '@kubernetes/client-node';
import { ownerOf } from '../owner.ts';
import {
  type Provider,
  ProviderError,
  type ProviderReport,
  type Sandbox,
  type SandboxRequest,
  type TellProgress,
} from '../provider.ts';
import { connectCommand } from '../sandbox-image.ts';
import { Cluster, findCluster } from './cluster.ts';
import { clusterFacts, minikubeFacts, preflight } from './doctor.ts';
import { wantedImage } from './image.ts';
import { checkMinikube, minikubeHas, minikubeLoad, minikubeProfile } from './minikube.ts';
import { checkPrefix, homesIn, removeNamespace, sweepTrials } from './namespaces.ts';
import type { KubernetesOptions } from './options.ts';
import { patiently } from './patience.ts';
import { claimName, container, labels, namespaceOf, type PodPlan, podName } from './pod.ts';
import { Pods } from './pods.ts';
import { isStatus, refusal } from './refusals.ts';
import { situationOf } from './situation.ts';
import { makeSurroundings } from './surroundings.ts';

const validName = /^[a-z0-9]{8,40}$/;
/** A pod whose start is older than that is nobody's any more. */
const abandonedMs = 10 * 60_000;

/** What is needed to make pods, once it was found. */
interface Site {
  cluster: Cluster;
  pods: Pods;
  plan: PodPlan;
}

export class KubernetesProvider implements Provider {
  readonly name = 'kubernetes';
  readonly #options: KubernetesOptions & { data: string; image: string | null };
  #site: Promise<Site> | undefined;

  constructor(options: KubernetesOptions & { data: string; image: string | null }) {
    this.#options = options;
  }

  async probe(progress: TellProgress = () => {}): Promise<ProviderReport> {
    const findings: ProviderReport['findings'] = [];
    try {
      findings.push(...(await minikubeFacts(this.#profile)));
      const { cluster, pods, plan } = await this.#reached();
      const facts = await clusterFacts(cluster, plan);
      findings.push(...facts.findings);
      if (findings.some(({ state }) => state === 'missing')) return this.#conclude(findings, 0);
      await this.#prepared(progress);
      findings.push(...(await preflight(cluster, pods)));
      return this.#conclude(findings, facts.room);
    } catch (error) {
      const { message, remedy } = refusal(error, this.#options.namespace);
      const finding = { subject: 'cluster', state: 'missing', detail: message } as const;
      return this.#conclude([...findings, { ...finding, ...(remedy === undefined ? {} : { remedy }) }], 0);
    }
  }

  #conclude(findings: ProviderReport['findings'], room: number): ProviderReport {
    const usable = findings.every(({ state }) => state !== 'missing');
    return { provider: this.name, usable, maximumSandboxes: usable ? room : 0, findings };
  }

  get #profile(): string | undefined {
    return minikubeProfile(this.#options.context ?? undefined);
  }

  /** The cluster, found once; a failure is tried again. */
  #reached(): Promise<Site> {
    this.#site ??= this.#reach().catch(error => {
      this.#site = undefined;
      throw error;
    });
    return this.#site;
  }

  async #reach(): Promise<Site> {
    const { context, namespace, namespaces, homes, storageClass, seccomp, apparmor, owner, data, image } =
      this.#options;
    if (this.#profile !== undefined) await checkMinikube(this.#profile);
    const cluster = new Cluster(findCluster(this.#profile ?? context ?? undefined));
    const plan: PodPlan = {
      owner: owner ?? (await ownerOf(data)),
      image: await wantedImage(image, cluster),
      ...{ namespace, namespaces, seccomp, apparmor, homes },
      storageClass: storageClass ?? undefined,
    };
    checkPrefix(plan);
    return { cluster, plan, pods: new Pods(cluster, plan) };
  }

  #preparing: Promise<void> | undefined;

  /** The namespace and the image, made ready once; a failure is tried again. */
  #prepared(progress: TellProgress = () => {}): Promise<void> {
    this.#preparing ??= this.#prepare(progress).catch(error => {
      this.#preparing = undefined;
      throw error;
    });
    return this.#preparing;
  }

  async #prepare(progress: TellProgress): Promise<void> {
    const { cluster, plan } = await this.#reached();
    if (plan.namespaces === 'one') await makeSurroundings(cluster, plan.namespace);
    if (this.#profile !== undefined) await loadIntoMinikube(this.#profile, plan.image, progress);
  }

  async create(request: SandboxRequest, progress: TellProgress): Promise<Sandbox> {
    for (const name of [request.id, request.home])
      if (!validName.test(name)) throw new ProviderError('failed', `${JSON.stringify(name)} is no name of a sandbox`);
    try {
      progress('Looking for a place');
      const { pods, plan } = await this.#reached();
      await this.#prepared(progress);
      await pods.start(request, plan, progress);
      return this.#sandbox(request.id, request.home);
    } catch (error) {
      throw refusal(error, namespaceOf(this.#options, request.home));
    }
  }

  async find(): Promise<Sandbox[]> {
    const { pods } = await this.#reached();
    const live = (await patiently(() => pods.list())).filter(pod => situationOf(pod).is === 'running');
    return live.map(({ metadata }) =>
      this.#sandbox(metadata!.labels![labels.sandbox]!, metadata!.labels![labels.home]!),
    );
  }

  /** Its call is bounded by the time limit of all calls, not by a signal. */
  async reach(): Promise<void> {
    const { cluster } = await this.#reached();
    await cluster.version.getCode().catch(error => {
      throw refusal(error, this.#options.namespace);
    });
  }

  async sweep(): Promise<void> {
    const { cluster, pods, plan } = await this.#reached();
    const dead = (await patiently(() => pods.list())).filter(isLeft);
    await Promise.all(dead.map(({ metadata }) => pods.end(metadata!.name!, metadata!.namespace!)));
    if (plan.namespaces === 'learner') await sweepTrials(cluster, plan);
  }

  async homes(): Promise<string[]> {
    const { cluster, plan } = await this.#reached();
    if (plan.namespaces === 'one') return [];
    return homesIn(cluster, plan).catch(error => {
      throw refusal(error, plan.namespace);
    });
  }

  async removeHome(home: string): Promise<void> {
    if (!validName.test(home)) throw new ProviderError('failed', `${JSON.stringify(home)} is no name of a home`);
    const { cluster, plan } = await this.#reached();
    if (plan.namespaces === 'learner') return removeNamespace(cluster, plan, home);
    const { namespace } = plan;
    const claim = { name: claimName(plan.owner, home), namespace };
    if (plan.homes === 'none') return;
    await patiently(() => cluster.core.deleteNamespacedPersistentVolumeClaim(claim)).catch(error => {
      if (!isStatus(error, 404)) throw refusal(error, namespace);
    });
  }

  #sandbox(id: string, home: string): Sandbox {
    const name = async (): Promise<string> => podName((await this.#reached()).plan.owner, id);
    const namespace = namespaceOf(this.#options, home);
    return {
      id,
      home,
      connect: async () => this.#connect(await name(), namespace),
      fate: async () => this.#fate(await name(), namespace),
      end: async () => (await this.#reached()).pods.end(await name(), namespace),
    };
  }

  async #connect(name: string, namespace: string): Promise<Duplex> {
    const { cluster } = await this.#reached();
    try {
      const fate = await this.#fate(name, namespace);
      if (fate !== undefined) throw new ProviderError('failed', `the sandbox is gone: ${fate}`);
      return await cluster.exec(namespace, name, container, connectCommand);
    } catch (error) {
      throw refusal(error, namespace);
    }
  }

  async #fate(name: string, namespace: string): Promise<string | undefined> {
    const { pods } = await this.#reached();
    const pod = await pods.read(name, namespace);
    const situation = pod ? situationOf(pod) : ({ is: 'over', why: 'its pod was deleted' } as const);
    return situation.is === 'over' ? situation.why : undefined;
  }
}

async function loadIntoMinikube(profile: string, image: string, progress: TellProgress): Promise<void> {
  if (image.includes('/') || (await minikubeHas(profile, image))) return;
  progress('Bringing the image of the sandboxes to minikube, once');
  await minikubeLoad(profile, image);
}

/** Ended by itself, or made by a server that was killed over it. */
function isLeft(pod: V1Pod): boolean {
  const { is } = situationOf(pod);
  if (is === 'over' || is === 'hopeless') return true;
  return is === 'waiting' && Date.now() - (pod.metadata?.creationTimestamp?.getTime() ?? 0) > abandonedMs;
}
