/** Operators that print the hosts that a request went to. */
import type { Attempt, StreamInfo } from '../stream-info.ts';
import { type Compiler, text, withoutPort } from './command.ts';

/** The tries that got a connection, in their order; of a connection's, which has no protocol, all tries tell of their hosts. */
const attempted = (read: (attempt: Attempt) => string): Compiler =>
  text(({ attempts, protocol }: StreamInfo) =>
    attempts
      .filter(({ connectionId }) => connectionId !== 0 || protocol === '')
      .map(read)
      .join(','),
  );

/** A host that was given no name has its address for one. */
const nameOf = ({ hostname, host }: Pick<Attempt, 'hostname' | 'host'>): string => hostname || host;
const hostName = ({ upstreamHostname, upstreamHost }: StreamInfo): string => upstreamHostname || upstreamHost;

export const upstreamCommands: Record<string, Compiler> = {
  UPSTREAM_PROTOCOL: text(info => info.upstreamProtocol),
  UPSTREAM_HOST_NAME: text(hostName),
  UPSTREAM_HOST_NAME_WITHOUT_PORT: text(info => withoutPort(hostName(info))),
  UPSTREAM_HOSTS_ATTEMPTED: attempted(({ host }) => host),
  UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT: attempted(({ host }) => withoutPort(host)),
  UPSTREAM_HOST_NAMES_ATTEMPTED: attempted(nameOf),
  UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT: attempted(attempt => withoutPort(nameOf(attempt))),
  UPSTREAM_CONNECTION_IDS_ATTEMPTED: attempted(({ connectionId }) => (connectionId === 0 ? '' : String(connectionId))),
};
