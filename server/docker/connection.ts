import { existsSync, readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import Docker from 'dockerode';
import { DockerContextError, type DockerEndpoint } from './endpoint.ts';

/** A client for that daemon. Nothing is sent before the first call. @throws DockerContextError */
export function connectTo(endpoint: DockerEndpoint): Docker {
  const local = /^(?:unix|npipe):\/\/(.*)$/.exec(endpoint.host)?.[1];
  // What the library would take from the environment is named, so that this endpoint is the only one.
  if (local) return new Docker({ socketPath: local, host: undefined, port: undefined, protocol: 'http' } as object);
  const url = URL.parse(endpoint.host);
  // The library takes any host key there.
  if (url?.protocol === 'ssh:')
    throw new DockerContextError(
      `${endpoint.host} by ${endpoint.from}: daemons are not reached by ssh here`,
      `ssh -fNL /tmp/docker.sock:/var/run/docker.sock ${url.username ? `${url.username}@` : ''}${url.hostname}, then DOCKER_HOST=unix:///tmp/docker.sock`,
    );
  if (!url || !/^(tcp|https?):$/.test(url.protocol))
    throw new DockerContextError(`${JSON.stringify(endpoint.host)} is no address of a Docker daemon`);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const secure = endpoint.certificates !== undefined || url.protocol === 'https:';
  const port = url.port || (secure ? 2376 : 2375);
  const agent = secure ? new Agent({ ...certificatesOf(endpoint), rejectUnauthorized: endpoint.verify }) : undefined;
  return new Docker({ protocol: secure ? 'https' : 'http', host, port, agent } as object);
}

function certificatesOf({ certificates }: DockerEndpoint): Record<string, Buffer> {
  const files = ['ca', 'cert', 'key'].map(name => [name, join(certificates ?? '', `${name}.pem`)] as const);
  return Object.fromEntries(
    files.filter(([, file]) => certificates && existsSync(file)).map(([name, file]) => [name, readFileSync(file)]),
  );
}
