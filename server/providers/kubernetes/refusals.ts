/** What an API server's refusals mean, in words and with a remedy. */
import { ApiException } from '#kubernetes';
import { ProviderError } from '../provider.ts';

/** The `message` of the Status that an API server answered with, if it did. */
function statusMessage({ body }: ApiException<unknown>): string {
  try {
    const status = typeof body === 'string' ? (JSON.parse(body) as unknown) : body;
    return String((status as { message?: string } | null)?.message ?? '');
  } catch {
    return String(body);
  }
}

export const isStatus = (error: unknown, ...codes: number[]): boolean =>
  error instanceof ApiException && codes.includes(error.code);

/** Whether nobody answered at all, or only to say that it is not the time: worth another try. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof ProviderError) return error.code === 'unreachable';
  if (error instanceof ApiException) return error.code === 429 || error.code >= 500;
  return true;
}

/** Why nobody answered: fetch hides it in the cause. */
function causeOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}

/** Any error of a call as the one to tell. */
export function refusal(thrown: unknown, namespace: string): ProviderError {
  if (thrown instanceof ProviderError) return thrown;
  const error = thrown as Error;
  if (!(error instanceof ApiException))
    return new ProviderError(
      'unreachable',
      `the cluster does not answer: ${causeOf(error)}`,
      'kubectl cluster-info tells whether it is reached from here',
    );
  return told(error.code, statusMessage(error), namespace);
}

function told(code: number, message: string, namespace: string): ProviderError {
  if (code === 403 && /exceeded quota|LimitRange|maximum .* usage/i.test(message))
    return new ProviderError(
      'no-capacity',
      `the quota of the namespace ${namespace} is used up: ${message}`,
      `end sandboxes that nobody uses, or raise it: kubectl -n ${namespace} edit resourcequota`,
    );
  if (code === 403 && /PodSecurity/.test(message))
    return new ProviderError(
      'unusable',
      `the namespace ${namespace} does not admit sandboxes: ${message}`,
      `kubectl label --overwrite namespace ${namespace} pod-security.kubernetes.io/enforce=privileged`,
    );
  if (code === 403 && /being terminated/.test(message))
    return new ProviderError(
      'failed',
      `the namespace ${namespace} is being deleted: ${message}`,
      'try again when it is gone: kubectl get namespaces shows it until then',
    );
  if (code === 403 && /error looking up service account/.test(message))
    return new ProviderError('failed', `the namespace ${namespace} is not ready: ${message}`, 'try again');
  if (code === 403)
    return new ProviderError(
      'unusable',
      `the cluster does not allow it: ${message}`,
      'give this user the Role of images/kubernetes',
    );
  if (code === 401)
    return new ProviderError(
      'unusable',
      'the cluster does not know this user',
      'sign in again: kubectl auth whoami shows who one is',
    );
  if (code === 404 && /namespaces? /.test(message))
    return new ProviderError(
      'unusable',
      `there is no namespace ${namespace}`,
      `kubectl create namespace ${namespace}, or name another by --namespace`,
    );
  const later = code === 429 || code >= 500;
  return new ProviderError(later ? 'unreachable' : 'failed', `the cluster answered ${code}: ${message}`);
}
