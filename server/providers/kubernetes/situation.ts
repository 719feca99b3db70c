/** What a pod's status and events mean for whoever waits for it: a step in words, an error with a remedy, or that it runs or is over. */
import type { CoreV1Event, V1ContainerState, V1Pod } from '@kubernetes/client-node';
import { ProviderError } from '../provider.ts';
import { graceSeconds } from './pod.ts';

export type Situation =
  | { is: 'waiting'; step: string }
  | { is: 'running' }
  | { is: 'over'; why: string }
  | { is: 'hopeless'; error: ProviderError };

const hopeless = (code: ProviderError['code'], message: string, remedy: string): Situation => ({
  is: 'hopeless',
  error: new ProviderError(code, message, remedy),
});

/** Of a pod as the watch shows it. */
export function situationOf(pod: V1Pod): Situation {
  const { phase, reason, message } = pod.status ?? {};
  const state = pod.status?.containerStatuses?.[0]?.state;
  if (phase === 'Failed' || phase === 'Succeeded') return ended(pod, state, reason, message);
  if (pod.metadata?.deletionTimestamp) return { is: 'over', why: 'its pod was deleted' };
  if (state?.running) return { is: 'running' };
  const waiting = waitingFor(state?.waiting?.reason, state?.waiting?.message ?? '', pod.spec?.containers[0]?.image);
  if (waiting) return waiting;
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.reason === 'Unschedulable') return { is: 'waiting', step: unschedulable(scheduled.message ?? '') };
  return { is: 'waiting', step: scheduled?.status === 'True' ? 'Starting a pod' : 'Looking for a node' };
}

function ended(pod: V1Pod, state: V1ContainerState | undefined, reason = '', message = ''): Situation {
  // A pod that ends well when it is evicted has succeeded, until the kubelet tells more; the condition comes with it.
  const disruption = pod.status?.conditions?.find(
    ({ type, status }) => type === 'DisruptionTarget' && status === 'True',
  );
  if (reason === 'Evicted' || disruption)
    return { is: 'over', why: `its pod was evicted: ${message || disruption?.message}` };
  if (reason === 'AppArmor' || /apparmor/i.test(message))
    return hopeless(
      'unusable',
      `the node refuses the AppArmor profile: ${message}`,
      'install the chart of images/kubernetes, which loads it on the nodes, or set --apparmor unconfined',
    );
  const terminated = state?.terminated ?? pod.status?.containerStatuses?.[0]?.lastState?.terminated;
  if (terminated?.reason === 'OOMKilled') return { is: 'over', why: 'it took more memory than a sandbox may have' };
  const why = [reason, message, terminated?.message].filter(Boolean).join(': ');
  return { is: 'over', why: why || (terminated?.exitCode ? `it ended with ${terminated.exitCode}` : 'its pod ended') };
}

const imageRemedy = 'npm run -s images -- build sandbox, bring it to a registry of the cluster, and name it by --image';

function waitingFor(reason: string | undefined, message: string, image = ''): Situation | undefined {
  switch (reason) {
    case 'ErrImagePull':
      return { is: 'waiting', step: 'The image could not be fetched; it is tried again' };
    case 'ImagePullBackOff':
    case 'ErrImageNeverPull':
    case 'InvalidImageName':
    case 'ImageInspectError':
      return hopeless('unusable', `the nodes do not get the image ${image}: ${shortened(message)}`, imageRemedy);
    case 'CreateContainerError':
    case 'CreateContainerConfigError':
    case 'RunContainerError':
    case 'StartError':
      return refusedContainer(message);
    default:
      return undefined;
  }
}

const seccompRemedy =
  'install the chart of images/kubernetes, whose DaemonSet puts it on the nodes, or copy images/dist/seccomp.json there, to KUBELET/seccomp/unicorn/sandbox.json';

function refusedContainer(message: string): Situation {
  if (/seccomp/i.test(message))
    return hopeless('unusable', `the node has no seccomp profile for sandboxes: ${shortened(message)}`, seccompRemedy);
  return hopeless('unusable', `the node cannot start the container: ${shortened(message)}`, 'npm start -- doctor');
}

function unschedulable(message: string): string {
  if (/persistentvolumeclaim/i.test(message)) return `Waiting for a volume for the home (${shortened(message)})`;
  return `Waiting for a node with room (${shortened(message)})`;
}

const shortened = (message: string): string => {
  const line = message.split('\n')[0]?.trim() ?? '';
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
};

/** Of an event about the pod; undefined where it says nothing new. */
export function situationFromEvent({ reason = '', message = '' }: CoreV1Event): Situation | undefined {
  if (reason === 'Pulling') return { is: 'waiting', step: 'Fetching the image of the sandboxes' };
  if (reason === 'FailedMount' || reason === 'FailedAttachVolume' || reason === 'ProvisioningFailed')
    return { is: 'waiting', step: `Waiting for the volume of the home (${shortened(message)})` };
  if (reason !== 'FailedCreatePodSandBox') return undefined;
  if (/user namespaces|idmap|hostUsers/i.test(message))
    return hopeless(
      'unusable',
      `the node cannot give a pod users of its own: ${shortened(message)}`,
      'use nodes with containerd 2.0 or newer, runc 1.2 or newer (or crun) and Linux 6.3 or newer',
    );
  if (/seccomp/i.test(message))
    return hopeless('unusable', `the node has no seccomp profile for sandboxes: ${shortened(message)}`, seccompRemedy);
  return { is: 'waiting', step: `The node could not start the pod; it is tried again (${shortened(message)})` };
}

/** What a pod that was waited for too long lacked. */
export function tookTooLong(step: string, seconds: number): ProviderError {
  const full = step.startsWith('Waiting for a node');
  return new ProviderError(
    full ? 'no-capacity' : 'failed',
    full ? `no node has room for another sandbox: ${step}` : `the pod did not start within ${seconds} s: ${step}`,
    full
      ? 'end sandboxes that nobody uses, lower --memory, or add nodes'
      : 'npm start -- doctor tells more; kubectl describe pod tells all',
  );
}

/** A pod that does not go away. */
export const hangs = (name: string, namespace: string, pod: V1Pod | undefined): ProviderError => {
  const held = pod?.metadata?.finalizers?.length ? `, held by ${pod.metadata.finalizers.join(', ')}` : '';
  return new ProviderError(
    'failed',
    `the pod ${name} is still there ${3 * graceSeconds} s after it was deleted${held}; perhaps its node does not answer`,
    `kubectl -n ${namespace} describe pod ${name}; if its node is gone: kubectl -n ${namespace} delete pod ${name} --force`,
  );
};
