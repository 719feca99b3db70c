/** Pods of one owner: made, waited for, ended. */
import { setTimeout as delay } from 'node:timers/promises';
import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import { ProviderError, type SandboxRequest, type TellProgress } from '../provider.ts';
import { boxAnswer } from './answer.ts';
import type { Cluster } from './cluster.ts';
import { makeNamespace } from './namespaces.ts';
import { patiently } from './patience.ts';
import {
  droppedFields,
  graceSeconds,
  homeClaim,
  labels,
  namespaceOf,
  type PodPlan,
  podName,
  sandboxPod,
} from './pod.ts';
import { isStatus, refusal } from './refusals.ts';
import { hangs, type Situation, situationFromEvent, situationOf, tookTooLong } from './situation.ts';
import { SharedWatch } from './watch.ts';

/** A cluster that has to make a node for a pod takes that long. */
const startSeconds = 180;
const answerMs = 40_000;

export class Pods {
  readonly #cluster: Cluster;
  readonly #plan: PodPlan;
  readonly #pods: SharedWatch<V1Pod>;
  readonly #events: SharedWatch<CoreV1Event>;

  constructor(cluster: Cluster, plan: PodPlan) {
    this.#cluster = cluster;
    this.#plan = plan;
    const { namespace, namespaces, owner } = plan;
    const { core, config } = cluster;
    const mine = { labelSelector: `${labels.owner}=${owner}` };
    const ofPods = { fieldSelector: 'involvedObject.kind=Pod' };
    const all = namespaces === 'learner';
    const base = all ? '/api/v1' : `/api/v1/namespaces/${namespace}`;
    this.#pods = new SharedWatch(config, `${base}/pods`, mine, () =>
      all ? core.listPodForAllNamespaces(mine) : core.listNamespacedPod({ namespace, ...mine }),
    );
    this.#events = new SharedWatch(config, `${base}/events`, ofPods, () =>
      all ? core.listEventForAllNamespaces(ofPods) : core.listNamespacedEvent({ namespace, ...ofPods }),
    );
  }

  get plan(): PodPlan {
    return this.#plan;
  }

  list(): Promise<V1Pod[]> {
    const { namespace, namespaces, owner } = this.#plan;
    const { core } = this.#cluster;
    const mine = { labelSelector: `${labels.owner}=${owner}` };
    const listing =
      namespaces === 'learner' ? core.listPodForAllNamespaces(mine) : core.listNamespacedPod({ namespace, ...mine });
    return listing.then(({ items }) => items);
  }

  /**
   * Makes a pod and waits until its sandbox answers; on a failure nothing is left of it.
   *
   * @throws ProviderError
   */
  async start(request: SandboxRequest, plan: PodPlan, progress: TellProgress): Promise<void> {
    const name = podName(plan.owner, request.id);
    const namespace = namespaceOf(plan, request.home);
    const waiting = this.#wait(name, progress);
    try {
      if (plan.namespaces === 'learner') await makeNamespace(this.#cluster, plan, request);
      if (plan.homes === 'volume') await this.#ensureClaim(request, plan);
      await this.#create(request, plan);
      await waiting.running;
      progress('Making the sandbox');
      const problem = await boxAnswer(this.#cluster, namespace, name, AbortSignal.timeout(answerMs));
      if (problem !== undefined) throw new ProviderError('failed', `the sandbox did not start: ${problem}`);
    } catch (error) {
      waiting.stop();
      // One of that name that was there before is another's.
      if (!isStatus(error, 409)) await this.end(name, namespace).catch(() => {});
      throw refusal(error, namespace);
    } finally {
      waiting.stop();
    }
  }

  async #ensureClaim(request: SandboxRequest, plan: PodPlan): Promise<void> {
    const namespace = namespaceOf(plan, request.home);
    await this.#cluster.core
      .createNamespacedPersistentVolumeClaim({ namespace, body: homeClaim(request, plan) })
      .catch(error => {
        if (!isStatus(error, 409)) throw error;
      });
  }

  async #create(request: SandboxRequest, plan: PodPlan): Promise<void> {
    const namespace = namespaceOf(plan, request.home);
    const made = await this.#cluster.core.createNamespacedPod({ namespace, body: sandboxPod(request, plan) });
    const dropped = droppedFields(made);
    if (dropped.length > 0)
      throw new ProviderError(
        'unusable',
        `this cluster does not know ${dropped.join(' and ')} of pods`,
        'use Kubernetes 1.33 or newer, or turn its feature gates UserNamespacesSupport and ProcMountType on',
      );
  }

  /** Waits for a pod that is about to be made. */
  #wait(name: string, progress: TellProgress): { running: Promise<void>; stop: () => void } {
    const { promise: running, resolve, reject } = Promise.withResolvers<void>();
    // Whoever gives up before has an error of their own.
    running.catch(() => {});
    let told = '';
    const take = (situation: Situation | undefined): void => {
      if (situation?.is === 'running') resolve();
      else if (situation?.is === 'hopeless') reject(situation.error);
      else if (situation?.is === 'over') reject(new ProviderError('failed', `the pod ended: ${situation.why}`));
      else if (situation && situation.step !== told) {
        told = situation.step;
        progress(told);
      }
    };
    const pods = this.#pods.follow((pod, gone) => {
      if (pod.metadata?.name !== name) return;
      take(gone ? { is: 'over', why: 'its pod was deleted' } : situationOf(pod));
    });
    const events = this.#events.follow(event => {
      if (event.involvedObject.name === name) take(situationFromEvent(event));
    });
    const timer = setTimeout(() => reject(tookTooLong(told, startSeconds)), startSeconds * 1000);
    const stop = (): void => {
      clearTimeout(timer);
      pods.stop();
      events.stop();
    };
    return { running, stop };
  }

  /**
   * Deletes a pod, which saves the home, and waits until it is gone.
   *
   * @throws ProviderError where it does not go, though asked twice
   */
  async end(name: string, namespace: string): Promise<void> {
    const { promise: gone, resolve } = Promise.withResolvers<boolean>();
    const { stop, begun } = this.#pods.follow((pod, isGone) => {
      if (isGone && pod.metadata?.name === name) resolve(true);
    });
    const abort = new AbortController();
    const wait = (): Promise<boolean> =>
      delay(1.5 * graceSeconds * 1000, false, { signal: abort.signal }).catch(() => false);
    try {
      await Promise.race([begun, wait()]);
      for (let turn = 0; turn < 2; turn++) {
        if (!(await this.#delete(name, namespace))) return;
        if (await Promise.race([gone, wait()])) return;
      }
      throw hangs(name, namespace, await this.read(name, namespace));
    } finally {
      abort.abort();
      stop();
    }
  }

  /** False: it is not there. */
  async #delete(name: string, namespace: string): Promise<boolean> {
    try {
      const pod = { name, namespace, gracePeriodSeconds: graceSeconds };
      await patiently(() => this.#cluster.core.deleteNamespacedPod(pod));
      return true;
    } catch (error) {
      if (isStatus(error, 404)) return false;
      throw refusal(error, namespace);
    }
  }

  /** Undefined: it is not there. */
  async read(name: string, namespace: string): Promise<V1Pod | undefined> {
    try {
      return await this.#cluster.core.readNamespacedPod({ name, namespace });
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }
}
