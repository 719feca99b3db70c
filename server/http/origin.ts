import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import type { Settings } from '../settings.ts';

/** Which `Host` and `Origin` headers are ours. A page of another site that points its own name at this machine (DNS rebinding) has neither. */
export interface OriginPolicy {
  /** Whether the `Host` header names this server. */
  allowsHost(host: string | undefined): boolean;
  /**
   * Whether whoever asks how the server does may name it so: also by a bare address, as kubelet and Prometheus do. DNS rebinding needs a name, so
   * names that are not ours stay out.
   */
  allowsProbe(host: string | undefined): boolean;
  /** Whether a page of this origin may act here, on a request that came to `host`. */
  allowsOrigin(origin: string, host: string): boolean;
}

const wildcards = new Set(['0.0.0.0', '::', '[::]']);

/** The policy for what was set: names of loopback, the host, the public address, and on all addresses those of this machine. */
export function originPolicy(settings: Settings): OriginPolicy {
  const names = new Set(['localhost', '127.0.0.1', '[::1]', urlHost(settings.host)]);
  if (settings.publicUrl) names.add(settings.publicUrl.hostname);
  const machine = wildcards.has(settings.host);
  return {
    allowsProbe(host) {
      const name = host === undefined ? undefined : hostNameOf(host);
      return name !== undefined && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
    },
    allowsHost(host) {
      const name = host === undefined ? undefined : hostNameOf(host);
      if (name === undefined) return false;
      return names.has(name) || /^127(\.\d{1,3}){3}$/.test(name) || (machine && machineNames().has(name));
    },
    allowsOrigin(origin, host) {
      return origin === settings.publicUrl?.origin || origin === `http://${host}` || origin === `https://${host}`;
    },
  };
}

/** The name in a Host header, in lower case and without the port. */
function hostNameOf(host: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.exec(host);
  return match?.[1]?.toLowerCase();
}

/** Asked each time: a laptop changes its network. */
function machineNames(): Set<string> {
  const addresses = Object.values(networkInterfaces()).flatMap(list =>
    (list ?? []).map(({ address }) => urlHost(address)),
  );
  const name = hostname().toLowerCase();
  return new Set([...addresses, name, `${name}.local`]);
}

/** An address as it stands in a URL. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host.split('%')[0]}]` : host.toLowerCase();
}
