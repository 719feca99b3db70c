/** For which connections a listener filter is left out. */
import type { Socket } from 'node:net';
import type { ListenerFilterChainMatchPredicate as Predicate } from '../api/envoy/config/listener/v3/listener_components_pb.js';
import { splitAddress } from '../net/address-range.ts';
import { isPipe } from '../net/pipe.ts';
import { localAddressOf } from '../net/transport.ts';
import type { Findings } from './listener-filter.ts';

/** By what is known of it when the filter would look at it. */
export type ConnectionTest = (socket: Socket, findings: Findings) => boolean;

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto#config-listener-v3-listenerfilterchainmatchpredicate */
export function connectionTest({ rule }: Predicate): ConnectionTest {
  switch (rule.case) {
    case 'orMatch': {
      const tests = rule.value.rules.map(connectionTest);
      return (...connection) => tests.some(test => test(...connection));
    }
    case 'andMatch': {
      const tests = rule.value.rules.map(connectionTest);
      return (...connection) => tests.every(test => test(...connection));
    }
    case 'notMatch': {
      const test = connectionTest(rule.value);
      return (...connection) => !test(...connection);
    }
    case 'destinationPortRange': {
      const { start, end } = rule.value;
      return (socket, findings) => {
        const { address, port } = splitAddress(findings.localAddress ?? localAddressOf(socket));
        // What has no port is in every range, as in Envoy.
        return isPipe(address) || (start <= port && port < end);
      };
    }
    case 'anyMatch':
    case undefined:
      return () => true;
  }
}
