/** What is refused of the addresses of listeners, in Envoy's words. */
import { isIP } from 'node:net';
import { at, list, type Part, type Refuse } from './parts.ts';

const advice =
  "to check if the listener has duplicated addresses with other listeners or 'enable_reuse_port' is set to 'false' for the listener";

/** @returns the first of its addresses, as text */
export function checkListenerAddress(listener: Part, refuse: Refuse): string {
  const { name = '' } = listener.value;
  if (at(listener, 'address') === undefined)
    throw refuse(`error adding listener named '${name}': address is necessary`, listener.path);
  const [first = '', ...others] = addressesOf(listener).map(address => {
    const socket = at(address, 'socket_address');
    if (socket !== undefined) requireIp(socket, refuse);
    return textOf(address);
  });
  for (const address of others)
    if (address === '') throw refuse(`error adding listener named '${name}': address is necessary`, listener.path);
  return first;
}

/** Each listener of a bootstrap has addresses of its own, whether it listens there or not. */
export function checkListenerAddresses(listeners: readonly Part[], refuse: Refuse): void {
  const seen = new Set<string>();
  for (const listener of listeners) {
    const all = addressesOf(listener).map(textOf);
    // Any port that is free.
    const own = all.filter(text => !text.endsWith(':0') || listener.value.bind_to_port === false);
    const rule = `has duplicate address '${all.join(',')}' as existing listener, ${advice}`;
    if (own.some(text => seen.has(text)))
      throw refuse(`error adding listener: '${listener.value.name}' ${rule}`, listener.path);
    for (const text of own) seen.add(text);
  }
}

function addressesOf(listener: Part): Part[] {
  const first = at(listener, 'address');
  const more = list(listener, 'additional_addresses').map(
    one => at(one, 'address') ?? { value: {}, path: [...one.path, 'address'] },
  );
  return first === undefined ? more : [first, ...more];
}

/** `ip:port`, or a pipe's path. */
function textOf(address: Part): string {
  const pipe = at(address, 'pipe');
  if (pipe !== undefined) return String(pipe.value.path);
  const { address: host = '', port_value: port = 0 } = at(address, 'socket_address')?.value ?? {};
  if (host === '') return '';
  return String(host).includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** @param address a socket's */
export function requireIp(address: Part, refuse: Refuse): void {
  if (address.value.protocol === 'UDP')
    throw refuse('UDP is not supported by this proxy: use TCP', [...address.path, 'protocol']);
  const text = String(address.value.address);
  if (isIP(text) === 0) throw refuse(`malformed IP address: ${text}`, [...address.path, 'address']);
}
