/** What Envoy refuses of the listeners of a bootstrap together, in its words. */
import { at, type Part, type Refuse } from './parts.ts';

const advice =
  "to check if the listener has duplicated addresses with other listeners or 'enable_reuse_port' is set to 'false' for the listener";

/** Each has an address of its own, whether it listens there or not. */
export function checkListenerAddresses(listeners: readonly Part[], refuse: Refuse): void {
  const seen = new Set<string>();
  for (const listener of listeners) {
    const { address: host, port_value: port = 0 } = at(listener, 'address', 'socket_address')?.value ?? {};
    // Any port that is free.
    if (port === 0 && listener.value.bind_to_port !== false) continue;
    const address = String(host).includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const rule = `has duplicate address '${address}' as existing listener, ${advice}`;
    if (seen.has(address)) throw refuse(`error adding listener: '${listener.value.name}' ${rule}`, listener.path);
    seen.add(address);
  }
}
