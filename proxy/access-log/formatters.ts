/** Extensions of formats: those that add operators of their own. What the others add is there for every format. */
import type { Formatters } from './command.ts';
import { requestHeaderWithoutQuery } from './header-commands.ts';

const added: readonly (readonly [type: string, formatters: Formatters])[] = [
  [
    'envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery',
    new Map([['REQ_WITHOUT_QUERY', requestHeaderWithoutQuery]]),
  ],
];

/** The extensions that a format may name, by the types of their configuration. */
export const formatterTypes: readonly string[] = [
  'envoy.extensions.formatter.cel.v3.Cel',
  'envoy.extensions.formatter.metadata.v3.Metadata',
  ...added.map(([type]) => type),
];

/** @param types URLs of the types of a format's extensions */
export function formattersOf(types: readonly string[]): Formatters {
  const named = (type: string): boolean => types.some(url => url.endsWith(`/${type}`));
  return new Map(added.flatMap(([type, formatters]) => (named(type) ? [...formatters] : [])));
}
