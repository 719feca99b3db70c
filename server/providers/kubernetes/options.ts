/** What the operator says of the cluster. */
export interface KubernetesOptions {
  /** A context of the kubeconfig; `minikube` or `minikube:PROFILE`: that one, looked after. null: the current one, or the cluster that the server runs in. */
  context: string | null;
  namespace: string;
  /** `one`: all pods in `namespace`. `learner`: a namespace for each, whose name begins so. */
  namespaces: 'one' | 'learner';
  /** `volume`: a volume for each learner's home. `none`: homes last as long as their pods. */
  homes: 'volume' | 'none';
  /** null: the cluster's default. */
  storageClass: string | null;
  /** A file below the kubelets' seccomp folder, or `unconfined`. */
  seccomp: string;
  /** A profile loaded on the nodes, or `unconfined`. */
  apparmor: string;
  /** By it servers that share a store know the pods that are theirs; null: one made up for the data folder. */
  owner: string | null;
}

export const usualOptions: KubernetesOptions = {
  context: null,
  namespace: 'unicorn',
  namespaces: 'one',
  homes: 'volume',
  storageClass: null,
  seccomp: 'unicorn/sandbox.json',
  apparmor: 'unconfined',
  owner: null,
};
