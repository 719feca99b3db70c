/** The connection to a cluster: which one, as whom, and its API with a time limit on every call. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type IncomingMessage, request as requestPlain, STATUS_CODES } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import type { Configuration, Middleware } from '@kubernetes/client-node';
import { type ClientOptions, WebSocket } from 'ws';
import {
  ApiException,
  AuthorizationV1Api,
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  NetworkingV1Api,
  ServerConfiguration,
  StorageV1Api,
  VersionApi,
} from '#kubernetes';
import { ProviderError } from '../provider.ts';
import { ExecStream, protocols } from './exec-stream.ts';

const callMs = 20_000;
const tokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * The cluster that `kubectl` of this user would speak to, or the context that is named; inside of a cluster, that one.
 *
 * @throws ProviderError `unusable`
 */
export function findCluster(context: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (!process.env.KUBECONFIG && existsSync(tokenFile)) config.loadFromCluster();
    else config.loadFromDefault();
  } catch (error) {
    throw new ProviderError(
      'unusable',
      `the kubeconfig cannot be read: ${(error as Error).message}`,
      'kubectl config view shows it; KUBECONFIG names another file',
    );
  }
  const names = config.getContexts().map(({ name }) => name);
  if (context !== undefined && !names.includes(context))
    throw new ProviderError(
      'unusable',
      `there is no context ${context} in the kubeconfig`,
      names.length > 0 ? `there are: ${names.join(', ')}` : 'kubectl config get-contexts shows those there are',
    );
  if (context !== undefined) config.setCurrentContext(context);
  // The library's last resort, which is nobody's cluster.
  const server = config.getCurrentCluster()?.server;
  if (!server || (server === 'http://localhost:8080' && config.getCurrentContext() === 'loaded-context'))
    throw new ProviderError(
      'unusable',
      'no cluster is chosen: there is no kubeconfig with a current context',
      'kubectl config use-context NAME, or --context NAME',
    );
  return config;
}

const timeLimit: Middleware = {
  pre: async request => {
    request.setSignal(AbortSignal.timeout(callMs));
    return request;
  },
  post: async response => response,
};

/** The API of one cluster. */
export class Cluster {
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly networking: NetworkingV1Api;
  readonly storage: StorageV1Api;
  readonly authorization: AuthorizationV1Api;
  readonly version: VersionApi;
  readonly #server: string;

  constructor(config: KubeConfig) {
    this.config = config;
    this.#server = config.getCurrentCluster()!.server.replace(/\/$/, '');
    const configuration: Configuration = createConfiguration({
      baseServer: new ServerConfiguration(this.#server, {}),
      authMethods: { default: config },
      promiseMiddleware: [timeLimit],
    });
    this.core = new CoreV1Api(configuration);
    this.networking = new NetworkingV1Api(configuration);
    this.storage = new StorageV1Api(configuration);
    this.authorization = new AuthorizationV1Api(configuration);
    this.version = new VersionApi(configuration);
  }

  /** For doctor: "https://HOST:PORT, the context NAME". */
  get description(): string {
    const context = this.config.getCurrentContext();
    return `${this.#server}, ${context === 'inClusterContext' ? 'from inside of it' : `the context ${context}`}`;
  }

  /** Runs a command in a pod's container. @throws ApiException where it is refused, any other error where nobody answers */
  async exec(namespace: string, pod: string, container: string, command: string[]): Promise<Duplex> {
    const query = new URLSearchParams({ container, stdin: 'true', stdout: 'true', stderr: 'true' });
    for (const word of command) query.append('command', word);
    const options: ClientOptions = { handshakeTimeout: callMs, perMessageDeflate: false, maxPayload: 1 << 20 };
    await this.config.applyToHTTPSOptions(options);
    const base = this.#server.replace(/^http/, 'ws');
    const socket = new WebSocket(
      `${base}/api/v1/namespaces/${namespace}/pods/${pod}/exec?${query}`,
      protocols,
      options,
    );
    await opened(socket);
    return new ExecStream(socket);
  }

  /** The container's output, as it comes. Destroy it to leave. @throws ApiException where it is refused */
  async follow(namespace: string, pod: string, container: string): Promise<Readable> {
    const options: RequestOptions = { timeout: callMs };
    await this.config.applyToHTTPSOptions(options);
    const url = new URL(`${this.#server}/api/v1/namespaces/${namespace}/pods/${pod}/log`);
    url.search = String(new URLSearchParams({ container, follow: 'true' }));
    const asked = (url.protocol === 'http:' ? requestPlain : request)(url, options).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw await answered(response);
    return response;
  }
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.off('error', reject);
      resolve();
    });
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response: IncomingMessage) => {
      answered(response).then(reject, reject);
      socket.on('error', () => {});
    });
  });
}

/** A refusal in HTTP instead of a WebSocket. */
async function answered(response: IncomingMessage): Promise<ApiException<string>> {
  const code = response.statusCode ?? 0;
  let body = '';
  for await (const chunk of response) if (body.length < 4096) body += chunk;
  return new ApiException(code, STATUS_CODES[code] ?? '', body, {});
}
