/** What generic matchers may ask, and lead to, at each place that has one. What Envoy refuses is refused in its words. */
import { isObject } from './json.ts';
import { at, list, type Part, type Refuse } from './parts.ts';

const network = 'envoy.extensions.matching.common_inputs.network.v3.';
const tls = 'envoy.extensions.matching.common_inputs.ssl.v3.';
const header = 'envoy.type.matcher.v3.HttpRequestHeaderMatchInput';
const expressionInput = 'xds.type.matcher.v3.HttpAttributesCelMatchInput';
const expression = 'xds.type.matcher.v3.CelMatcher';
const addressTest = 'envoy.extensions.matching.input_matchers.ip.v3.Ip';
const trees = new Set(['xds.type.matcher.v3.IPMatcher', 'xds.type.matcher.v3.ServerNameMatcher']);

const inputs = (prefix: string, names: string): string[] => names.split(' ').map(name => `${prefix}${name}Input`);
const ofConnections = [
  ...inputs(network, 'DestinationIP DestinationPort SourceIP SourcePort DirectSourceIP ServerName'),
  ...inputs(tls, 'UriSan DnsSan Subject'),
];

/** A place that has a matcher. */
export interface MatcherPlace {
  inputs: ReadonlySet<string>;
  actions: ReadonlySet<string>;
  /** What is said of an input that it cannot have; undefined: what is said of any extension that is not there. */
  wrong?(type: string): string | undefined;
}

const actionOfAccess = new Set(['envoy.config.rbac.v3.Action']);
/** What Envoy knows where it judges access, but does not take. */
const untaken = new Set([header, expressionInput, `${network}SourceTypeInput`]);

export const matcherPlaces = {
  filterChains: {
    inputs: new Set(
      inputs(
        network,
        'DestinationIP DestinationPort SourceIP SourcePort DirectSourceIP SourceType ServerName TransportProtocol ApplicationProtocol',
      ),
    ),
    actions: new Set(['google.protobuf.StringValue']),
    wrong: type =>
      type.startsWith(tls)
        ? `matching filter chains by ${type} is not supported by this proxy: it is not known before the handshake`
        : undefined,
  },
  routes: {
    inputs: new Set([header]),
    actions: new Set(['envoy.config.route.v3.Route', 'envoy.config.route.v3.RouteList']),
    wrong: type => `Route table can only match on request headers, saw type.googleapis.com/${type}`,
  },
  requestAccess: {
    inputs: new Set([...ofConnections, header, expressionInput]),
    actions: actionOfAccess,
    wrong: type => (untaken.has(type) ? `RBAC HTTP filter cannot match on 'type.googleapis.com/${type}'` : undefined),
  },
  connectionAccess: {
    inputs: new Set(ofConnections),
    actions: actionOfAccess,
    wrong: type => (untaken.has(type) ? `RBAC network filter cannot match 'type.googleapis.com/${type}'` : undefined),
  },
} as const satisfies Record<string, MatcherPlace>;

/** @param matcher undefined: there is none, and nothing to refuse */
export function checkMatcher(matcher: Part | undefined, place: MatcherPlace, refuse: Refuse): void {
  if (matcher === undefined) return;
  for (const one of list(matcher, 'matcher_list', 'matchers')) {
    checkPredicate(at(one, 'predicate'), place, refuse);
    checkLead(at(one, 'on_match'), place, refuse);
  }
  const tree = at(matcher, 'matcher_tree');
  if (tree !== undefined) checkTree(tree, place, refuse);
  checkLead(at(matcher, 'on_no_match'), place, refuse);
}

function checkLead(lead: Part | undefined, place: MatcherPlace, refuse: Refuse): void {
  if (lead === undefined) return;
  checkMatcher(at(lead, 'matcher'), place, refuse);
  const action = at(lead, 'action');
  if (action !== undefined && !place.actions.has(typeOf(action))) throw unregistered(action, refuse);
}

function checkPredicate(predicate: Part | undefined, place: MatcherPlace, refuse: Refuse): void {
  if (predicate === undefined) return;
  for (const kind of ['and_matcher', 'or_matcher'])
    for (const one of list(predicate, kind, 'predicate')) checkPredicate(one, place, refuse);
  checkPredicate(at(predicate, 'not_matcher'), place, refuse);
  const single = at(predicate, 'single_predicate');
  if (single !== undefined) checkTest(single, place, refuse);
}

function checkTest(single: Part, place: MatcherPlace, refuse: Refuse): void {
  const input = at(single, 'input');
  const test = at(single, 'custom_match');
  if (input === undefined) return;
  checkInput(input, place, refuse);
  const takesExpressions = place.inputs.has(expressionInput);
  const kind = test && typeOf(test);
  if (test !== undefined && kind !== addressTest && !(takesExpressions && kind === expression))
    throw unregistered(test, refuse);
  const isExpression = typeOf(input) === expressionInput;
  if (isExpression === (kind === expression)) return;
  throw refuse(`Unsupported data input type: ${isExpression ? 'cel_data_input' : 'string'}`, input.path);
}

function checkTree(tree: Part, place: MatcherPlace, refuse: Refuse): void {
  const input = at(tree, 'input');
  if (input !== undefined) checkInput(input, place, refuse);
  for (const kind of ['exact_match_map', 'prefix_match_map']) {
    const map = at(tree, kind, 'map');
    for (const key of Object.keys(map?.value ?? {})) checkLead(at(map!, key), place, refuse);
  }
  const custom = at(tree, 'custom_match');
  if (custom === undefined) return;
  if (!trees.has(typeOf(custom))) throw unregistered(custom, refuse);
  for (const kind of ['range_matchers', 'domain_matchers'])
    for (const one of list(custom, 'typed_config', kind)) checkLead(at(one, 'on_match'), place, refuse);
}

function checkInput(input: Part, { inputs: known, wrong }: MatcherPlace, refuse: Refuse): void {
  const type = typeOf(input);
  if (known.has(type)) return;
  const reason = wrong?.(type);
  throw reason === undefined ? unregistered(input, refuse) : refuse(reason, input.path);
}

function typeOf({ value: { typed_config: any } }: Part): string {
  return isObject(any) ? String(any['@type'] ?? '').replace(/^.*\//, '') : '';
}

const unregistered = (extension: Part, refuse: Refuse): Error =>
  refuse(
    `Didn't find a registered implementation for '${extension.value.name ?? ''}' with type URL: '${typeOf(extension)}'`,
    extension.path,
  );
