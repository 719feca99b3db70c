/** Parts of configurations with HTTP filters. */
import { admin, type Step } from '../scenario.ts';
import { route } from './configuration.ts';

type Json = Record<string, unknown>;

export const typed = (type: string, configuration: Json = {}): Json => ({
  '@type': `type.googleapis.com/${type}`,
  ...configuration,
});

/** These filters, then the router. */
export const chain = (...filters: { name: string; typed_config: Json }[]): Json => ({
  http_filters: [...filters, { name: 'router', typed_config: typed('envoy.extensions.filters.http.router.v3.Router') }],
});

/** A route to httpbin, and what it says to one filter. */
export const telling = (prefix: string, name: string, said: Json, more: Json = {}): Json => ({
  ...route(prefix, 'httpbin', { prefix_rewrite: '/get', ...more }),
  typed_per_filter_config: { [name]: said },
});

/** What a filter decided, for the access log. */
export const decisions =
  '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %ROUTE_NAME% %UPSTREAM_CLUSTER%\n';

/** A step: changes runtime values. */
export const modify = (query: string): Step => ({
  ...admin(`/runtime_modify?${query}`, undefined, 'POST'),
  name: `runtime: ${query}`,
});
