/** `REQUESTED_SERVER_NAME(WHICH:HOST)`: the server that the client asked for, by SNI or by the request's host. */
import type { StreamInfo } from '../stream-info.ts';
import { type Compiler, FormatError } from './command.ts';

type NameOf = (info: StreamInfo) => string | undefined;

const original: NameOf = ({ requestHeaders }) => requestHeaders?.get('x-envoy-original-host');
const current: NameOf = ({ requestHeaders }) => requestHeaders?.authority;

const hosts = new Map<string, NameOf>([
  ['ORIG', original],
  ['HOST', current],
  ['ORIG_OR_HOST', info => original(info) || current(info)],
]);

const told: NameOf = info => info.requestedServerName;

/** By the first option: what is looked at, given where the host is. */
const choices = new Map<string, (host: NameOf) => NameOf>([
  ['SNI_ONLY', () => told],
  ['SNI_FIRST', host => info => told(info) || host(info)],
  ['HOST_FIRST', host => info => host(info) || told(info)],
]);

const listed = (names: readonly string[]): string => names.map(name => `'${name}'`).join('/');

export const requestedServerName: Compiler = (argument = '') => {
  const [which = '', from = ''] = argument.split(':');
  const choose = choices.get(which || 'SNI_ONLY');
  if (choose === undefined)
    throw new FormatError(
      `Invalid REQUESTED_SERVER_NAME option: '${which}', only ${listed([...choices.keys()])} are allowed`,
    );
  const host = hosts.get(from || 'ORIG_OR_HOST');
  if (host === undefined)
    throw new FormatError(
      `Invalid REQUESTED_SERVER_NAME option: '${from}', only ${listed([...hosts.keys()].reverse())} are allowed`,
    );
  const read = choose(host);
  return info => read(info) || undefined;
};
