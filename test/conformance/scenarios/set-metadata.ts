/** The filter set_metadata. */
import { accessLog, request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, typed } from './filters.ts';

type Json = Record<string, unknown>;

const filter = (name: string, said: Json) => ({
  name,
  typed_config: typed('envoy.extensions.filters.http.set_metadata.v3.Config', said),
});
const told = { text: 'å', number: 1.5, list: [1, 'a'], inner: { a: 1, b: { c: true } }, none: null, kept: 'first' };

export const setMetadata: Scenario = {
  name: 'stated metadata of requests',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain(
          filter('first', { metadata: [{ metadata_namespace: 'a', value: told }] }),
          filter('deprecated', { metadata_namespace: 'old', value: { a: 1 } }),
          filter('again', { metadata_namespace: 'old', value: { b: 2 } }),
          filter('merged', {
            metadata: [
              {
                metadata_namespace: 'a',
                allow_overwrite: true,
                value: { text: 'b', number: 'now a text', list: [{ c: 1 }], inner: { b: { d: 1 }, a: 2 }, none: 0 },
              },
              { metadata_namespace: 'a', value: { kept: 'denied' } },
              { metadata_namespace: 'twice', value: { a: 1 } },
              { metadata_namespace: 'twice', value: { a: 2 } },
              { metadata_namespace: 'empty', value: {} },
              { metadata_namespace: 'empty', value: { a: 1 } },
              { metadata_namespace: 'nothing' },
            ],
          }),
          filter('bare', {}),
        ),
        access_log: [
          fileLog(
            log,
            '%REQ(:PATH)% %DYNAMIC_METADATA(a)% %DYNAMIC_METADATA(old)% %DYNAMIC_METADATA(twice)% %DYNAMIC_METADATA(empty)% %DYNAMIC_METADATA(nothing)%\n',
          ),
        ],
      },
      routes: [
        {
          ...route('/off', 'raw'),
          typed_per_filter_config: { first: typed('envoy.config.route.v3.FilterConfig', { disabled: true }) },
        },
        route('/', 'raw'),
      ],
      clusters: [cluster('raw', [ports.raw])],
    }),
  steps: [
    request('/echo'),
    request('/off'),
    stats('http.ingress.set_metadata.overwrite_denied'),
    accessLog(2, line => line),
  ],
};
