/** Node's threads. Its module is loaded where there are several workers only: it takes a quarter of a megabyte. */

/** Set for threads of the proxy. */
export const workerVariable = 'PROXY_IS_WORKER';

/** What a thread is started with. */
export interface WorkerPlace {
  proxyWorker: { index: number; count: number };
}

export function threads(): typeof import('node:worker_threads') {
  return process.getBuiltinModule('node:worker_threads');
}

/** Which worker this thread is; undefined for the first one, which is no thread of its own. */
export function ownPlace(): WorkerPlace | undefined {
  if (process.env[workerVariable] === undefined) return undefined;
  const { isMainThread, workerData } = threads();
  return isMainThread ? undefined : (workerData as WorkerPlace);
}
