/** The fields of generic matchers that are obeyed, and of their inputs and tests. */
const network = 'envoy.extensions.matching.common_inputs.network.v3';
const tls = 'envoy.extensions.matching.common_inputs.ssl.v3';

export const matchingSupport: Record<string, string> = {
  'xds.core.v3.TypedExtensionConfig': 'name typed_config',
  'xds.type.matcher.v3.Matcher': 'matcher_list matcher_tree on_no_match',
  'xds.type.matcher.v3.Matcher.OnMatch': 'matcher action',
  'xds.type.matcher.v3.Matcher.MatcherList': 'matchers',
  'xds.type.matcher.v3.Matcher.MatcherList.FieldMatcher': 'predicate on_match',
  'xds.type.matcher.v3.Matcher.MatcherList.Predicate': 'single_predicate or_matcher and_matcher not_matcher',
  'xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate': 'input value_match custom_match',
  'xds.type.matcher.v3.Matcher.MatcherList.Predicate.PredicateList': 'predicate',
  'xds.type.matcher.v3.Matcher.MatcherTree': 'input exact_match_map prefix_match_map custom_match',
  'xds.type.matcher.v3.Matcher.MatcherTree.MatchMap': 'map',
  'xds.type.matcher.v3.StringMatcher': 'exact prefix suffix contains safe_regex ignore_case',
  'xds.type.matcher.v3.RegexMatcher': 'regex',
  'xds.type.matcher.v3.IPMatcher': 'range_matchers',
  'xds.type.matcher.v3.IPMatcher.IPRangeMatcher': 'ranges on_match exclusive',
  'xds.core.v3.CidrRange': 'address_prefix prefix_len',
  'xds.type.matcher.v3.ServerNameMatcher': 'domain_matchers',
  'xds.type.matcher.v3.ServerNameMatcher.DomainMatcher': 'domains on_match',
  'xds.type.matcher.v3.CelMatcher': 'expr_match',
  'xds.type.v3.CelExpression': 'parsed_expr checked_expr',
  'google.api.expr.v1alpha1.ParsedExpr': 'expr',
  'xds.type.matcher.v3.HttpAttributesCelMatchInput': '',
  'envoy.extensions.matching.input_matchers.ip.v3.Ip': 'cidr_ranges',
  'envoy.type.matcher.v3.HttpRequestHeaderMatchInput': 'header_name',
  'envoy.type.matcher.v3.HttpResponseHeaderMatchInput': 'header_name',
  'envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput': '',
  'envoy.type.matcher.v3.HttpResponseStatusCodeClassMatchInput': '',
  'envoy.config.route.v3.RouteList': 'routes',
  'envoy.config.rbac.v3.Action': 'name action',
  ...Object.fromEntries(
    [
      ...`DestinationIP DestinationPort SourceIP SourcePort DirectSourceIP SourceType ServerName TransportProtocol ApplicationProtocol`
        .split(' ')
        .map(name => `${network}.${name}Input`),
      ...['UriSan', 'DnsSan', 'Subject'].map(name => `${tls}.${name}Input`),
    ].map(name => [name, '']),
  ),
};
