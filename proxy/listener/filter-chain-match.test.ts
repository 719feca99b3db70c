import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  type FilterChainMatch,
  FilterChainMatchSchema,
} from '../api/envoy/config/listener/v3/listener_components_pb.js';
import { compileChainMatches, type MatchInput, OverlappingChains } from './filter-chain-match.ts';

type Wanted = Parameters<typeof create<typeof FilterChainMatchSchema>>[1];
const match = (wanted: Wanted): FilterChainMatch => create(FilterChainMatchSchema, wanted);
const range = (addressPrefix: string, length: number) => ({ addressPrefix, prefixLen: length });
const connection: MatchInput = {
  ...{
    destinationAddress: '10.1.2.3',
    destinationPort: 443,
    sourceAddress: '192.168.0.9',
    directSourceAddress: '192.168.0.9',
    sourcePort: 40_000,
  },
  ...{ serverName: '', transportProtocol: 'raw_buffer', applicationProtocols: [] },
};

/** Which of the chains each connection gets. */
function found(matches: (Wanted | undefined)[], inputs: Partial<MatchInput>[]): (number | undefined)[] {
  const find = compileChainMatches(matches.map(wanted => (wanted ? match(wanted) : undefined)));
  return inputs.map(input => find({ ...connection, ...input }));
}

test('a server name goes to itself, then to the longest wildcard, then to anything', () => {
  const chains = [
    { serverNames: ['www.example.org'] },
    { serverNames: ['*.example.org'] },
    { serverNames: ['*.org'] },
    undefined,
  ];
  const names = ['www.example.org', 'api.example.org', 'a.b.example.org', 'example.org', 'example.com', ''];
  assert.deepEqual(
    found(
      chains,
      names.map(serverName => ({ serverName })),
    ),
    [0, 1, 1, 2, 3, 3],
  );
});

test('the narrowest range decides, of either family', () => {
  const chains = [
    { prefixRanges: [range('10.0.0.0', 8)] },
    { prefixRanges: [range('10.1.2.0', 24), range('2001:db8::', 32)] },
    { prefixRanges: [range('10.1.0.0', 16)] },
  ];
  const addresses = ['10.1.2.3', '10.1.9.9', '10.9.9.9', '2001:db8::1', '2001:db9::1', '11.0.0.1'];
  assert.deepEqual(
    found(
      chains,
      addresses.map(destinationAddress => ({ destinationAddress })),
    ),
    [1, 2, 0, 1, undefined, undefined],
  );
});

test('there is no way back from a more specific value when a later criterion fails', () => {
  const chains = [{ destinationPort: 443, serverNames: ['a.example'] }, { serverNames: ['b.example'] }];
  assert.deepEqual(found(chains, [{ serverName: 'a.example' }, { serverName: 'b.example' }]), [0, undefined]);
});

test('protocols of the application, where the client offers them, and of the transport', () => {
  const chains = [
    { transportProtocol: 'tls', applicationProtocols: ['h2', 'http/1.1'] },
    { transportProtocol: 'tls' },
    { transportProtocol: 'raw_buffer' },
  ];
  const tls = { transportProtocol: 'tls' } as const;
  const inputs = [{ ...tls, applicationProtocols: ['foo', 'h2'] }, { ...tls, applicationProtocols: ['foo'] }, tls, {}];
  assert.deepEqual(found(chains, inputs), [0, 1, 1, 2]);
});

test('chains that would take the same connections are told', () => {
  const twice = [match({ serverNames: ['a', 'b'] }), match({ serverNames: ['B'] })];
  assert.throws(
    () => compileChainMatches(twice),
    (error: unknown) => error instanceof OverlappingChains && error.first === 0 && error.second === 1,
  );
});
