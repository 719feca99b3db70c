/** Which address of this machine connections to hosts come from. */
import { isIPv6 } from 'node:net';
import type { BindConfig } from '../api/envoy/config/core/v3/address_pb.js';
import { isPipe } from '../net/pipe.ts';

export interface SourceAddress {
  localAddress: string;
  /** 0: any that is free. */
  localPort: number;
}

export type SourceFor = (host: string) => SourceAddress | undefined;

/** Undefined: the system chooses, as it does for pipes. A host gets the first address of its family; where there is none, the first of all. */
export function sourceAddresses(configuration: BindConfig | undefined): SourceFor | undefined {
  const {
    sourceAddress: first,
    extraSourceAddresses: extra = [],
    additionalSourceAddresses: more = [],
  } = configuration ?? {};
  if (first === undefined) return undefined;
  const all = [first, ...extra.flatMap(({ address }) => address ?? []), ...more].map(({ address, portSpecifier }) => ({
    localAddress: address,
    localPort: portSpecifier.case === 'portValue' ? portSpecifier.value : 0,
  }));
  return host =>
    isPipe(host) ? undefined : (all.find(({ localAddress }) => isIPv6(localAddress) === isIPv6(host)) ?? all[0]!);
}
