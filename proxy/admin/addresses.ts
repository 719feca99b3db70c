/** Addresses in the forms of the admin interface. */
import type { JsonObject } from '../configuration/json.ts';
import { splitAddress } from '../net/address-range.ts';
import { isPipe } from '../net/pipe.ts';

/** An envoy.config.core.v3.Address. */
export const addressAsJson = (address: string, port: number): JsonObject =>
  isPipe(address)
    ? { pipe: { path: address } }
    : { socket_address: { address, ...(port !== 0 && { port_value: port }) } };

/** The same of `ip:port`, or of a pipe's path. */
export function addressTextAsJson(text: string): object {
  const { address, port } = splitAddress(text);
  return addressAsJson(address, port);
}
