/**
 * Which filter chain a connection gets. Criteria are tested in Envoy's order, and at each one the most specific value that matches decides: there
 * is no way back to a less specific one when a later criterion fails.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto#config-listener-v3-filterchainmatch
 */
import { BlockList, isIP } from 'node:net';
import { FilterChainMatch_ConnectionSourceType as SourceType } from '../api/enums.js';
import type { CidrRange } from '../api/envoy/config/core/v3/address_pb.js';
import type { FilterChainMatch } from '../api/envoy/config/listener/v3/listener_components_pb.js';
import { isPipe } from '../net/pipe.ts';

/** What is matched of a connection. Addresses are without ports. */
export interface MatchInput {
  destinationAddress: string;
  destinationPort: number;
  sourceAddress: string;
  /** Of the connection itself, whatever a proxy before this one tells. */
  directSourceAddress: string;
  sourcePort: number;
  /** In lower case; '' for none. */
  serverName: string;
  transportProtocol: 'raw_buffer' | 'tls';
  /** As the client offers them. */
  applicationProtocols: readonly string[];
}

/** One step of the order: what a chain asks for ('' or nothing: anything), and which of the values asked for decides for a connection. */
interface Criterion {
  wanted(match: FilterChainMatch): readonly string[];
  decide(values: ReadonlyMap<string, Node>, input: MatchInput): string | undefined;
}

type Node = Map<string, Node> | { chain: number };

const anything = '';

const criteria: readonly Criterion[] = [
  {
    wanted: match => (match.destinationPort === undefined ? [] : [String(match.destinationPort)]),
    decide: (values, input) => exactly(values, String(input.destinationPort)),
  },
  {
    wanted: match => match.prefixRanges.map(rangeText),
    decide: (values, input) => narrowest(values, input.destinationAddress),
  },
  {
    wanted: match => match.serverNames.map(name => name.toLowerCase().replace(/^\*/, '')),
    decide: (values, input) => byServerName(values, input.serverName),
  },
  {
    wanted: match => (match.transportProtocol === '' ? [] : [match.transportProtocol]),
    decide: (values, input) => exactly(values, input.transportProtocol),
  },
  {
    wanted: match => match.applicationProtocols,
    decide: (values, input) => exactly(values, ...input.applicationProtocols),
  },
  {
    wanted: match => match.directSourcePrefixRanges.map(rangeText),
    decide: (values, input) => narrowest(values, input.directSourceAddress),
  },
  {
    wanted: match => (match.sourceType === SourceType.ANY ? [] : [String(match.sourceType)]),
    decide: (values, input) =>
      exactly(values, String(isLocal(input) ? SourceType.SAME_IP_OR_LOOPBACK : SourceType.EXTERNAL)),
  },
  {
    wanted: match => match.sourcePrefixRanges.map(rangeText),
    decide: (values, input) => narrowest(values, input.sourceAddress),
  },
  {
    wanted: match => match.sourcePorts.map(String),
    decide: (values, input) => exactly(values, String(input.sourcePort)),
  },
];

/** Finds the index of the chain for a connection; undefined where none matches. */
export type ChainFinder = (input: MatchInput) => number | undefined;

/** Two chains would take the same connections. `first` and `second` are their indexes. */
export class OverlappingChains extends Error {
  readonly code = 'OVERLAPPING_CHAINS';
  readonly first: number;
  readonly second: number;

  constructor(first: number, second: number) {
    super('multiple filter chains with overlapping matching rules are defined');
    this.first = first;
    this.second = second;
  }
}

/** @throws OverlappingChains */
export function compileChainMatches(matches: readonly (FilterChainMatch | undefined)[]): ChainFinder {
  const root = new Map<string, Node>();
  matches.forEach((match, index) => {
    insert(root, match, index, 0);
  });
  return input => find(root, input);
}

function insert(values: Map<string, Node>, match: FilterChainMatch | undefined, index: number, level: number): void {
  const wanted = match === undefined ? [] : criteria[level]!.wanted(match);
  for (const value of wanted.length === 0 ? [anything] : wanted) {
    const known = values.get(value);
    if (level < criteria.length - 1) {
      const inner = known instanceof Map ? known : new Map<string, Node>();
      values.set(value, inner);
      insert(inner, match, index, level + 1);
    } else if (known === undefined) values.set(value, { chain: index });
    else if (!(known instanceof Map) && known.chain !== index) throw new OverlappingChains(known.chain, index);
  }
}

function find(root: Map<string, Node>, input: MatchInput): number | undefined {
  let node: Node = root;
  for (const { decide } of criteria) {
    if (!(node instanceof Map)) return undefined;
    const value: string | undefined = decide(node, input);
    const inner: Node | undefined = value === undefined ? undefined : node.get(value);
    if (inner === undefined) return undefined;
    node = inner;
  }
  return node instanceof Map ? undefined : node.chain;
}

/** The first of these values that some chain asks for, or anything. */
function exactly(values: ReadonlyMap<string, Node>, ...wanted: string[]): string | undefined {
  return wanted.find(value => value !== anything && values.has(value)) ?? (values.has(anything) ? anything : undefined);
}

/** `a.b.c` itself, then `.b.c`, then `.c`, then anything. */
function byServerName(values: ReadonlyMap<string, Node>, name: string): string | undefined {
  const suffixes: string[] = [];
  for (let dot = name.indexOf('.', 1); dot > 0 && dot < name.length - 1; dot = name.indexOf('.', dot + 1))
    suffixes.push(name.slice(dot));
  return exactly(values, name, ...suffixes);
}

function rangeText({ addressPrefix, prefixLen }: CidrRange): string {
  const widest = isIP(addressPrefix) === 6 ? 128 : 32;
  return `${addressPrefix}/${Math.min(prefixLen ?? 0, widest)}`;
}

interface Subnet {
  text: string;
  length: number;
  family: 'ipv4' | 'ipv6';
  list: BlockList;
}

/** Of the values of one node, made with the first connection that comes to it. */
const subnets = new WeakMap<ReadonlyMap<string, Node>, readonly Subnet[]>();

/** The longest prefixes first. */
function subnetsOf(values: ReadonlyMap<string, Node>): readonly Subnet[] {
  const known = subnets.get(values);
  if (known !== undefined) return known;
  const made = [...values.keys()].filter(text => text !== anything).map(subnetOf);
  made.sort((one, other) => other.length - one.length);
  subnets.set(values, made);
  return made;
}

function subnetOf(text: string): Subnet {
  const [prefix = '', length = ''] = text.split('/');
  const family = familyOf(prefix);
  const list = new BlockList();
  list.addSubnet(prefix, Number(length), family);
  return { text, length: Number(length), family, list };
}

const familyOf = (address: string): Subnet['family'] => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Where pipes are in ranges of addresses, as in Envoy. */
const pipeInRanges = '255.255.255.255';

/** The range with the longest prefix that holds the address, or anything. */
function narrowest(values: ReadonlyMap<string, Node>, told: string): string | undefined {
  const address = isPipe(told) ? pipeInRanges : told;
  const family = familyOf(address);
  const found = subnetsOf(values).find(subnet => subnet.family === family && subnet.list.check(address, family));
  return found?.text ?? (values.has(anything) ? anything : undefined);
}

/** Whether it comes from this machine, as far as addresses tell. */
export function isLocal({
  sourceAddress,
  destinationAddress,
}: Pick<MatchInput, 'sourceAddress' | 'destinationAddress'>): boolean {
  return sourceAddress === destinationAddress || sourceAddress.startsWith('127.') || sourceAddress === '::1';
}
