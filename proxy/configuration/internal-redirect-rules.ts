/** What Envoy refuses of a route's internal_redirect_policy, in its words. */
import type { Json } from './json.ts';
import { at, list, type Part, type Refuse } from './parts.ts';

const predicateTypes = ['allow_listed_routes', 'previous_routes', 'safe_cross_scheme'];

export function checkInternalRedirects(route: Part, refuse: Refuse): void {
  const policy = at(route, 'route', 'internal_redirect_policy');
  if (policy === undefined) return;
  const names = (policy.value.response_headers_to_copy as Json[] | undefined) ?? [];
  for (const [index, name] of names.entries())
    if (/^:|^host$/i.test(String(name)))
      throw refuse(':-prefixed headers or Hosts may not be specified here.', [
        ...policy.path,
        'response_headers_to_copy',
        index,
      ]);
  for (const { value, path } of list(policy, 'predicates')) {
    const type = String(at({ value, path }, 'typed_config')?.value['@type']).replace(/^.*\//, '');
    if (predicateTypes.some(one => type.startsWith(`envoy.extensions.internal_redirect.${one}.`))) continue;
    throw refuse(`Didn't find a registered implementation for '${value.name}' with type URL: '${type}'`, path);
  }
}
