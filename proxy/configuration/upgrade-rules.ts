/** What Envoy refuses of the configuration of upgrades, in its words. */
import { at, list, type Part, type Refuse } from './parts.ts';

const routerType = 'envoy.extensions.filters.http.router.v3.Router';

/** @param manager a connection manager */
export function checkManagedUpgrades(manager: Part, refuse: Refuse): void {
  const upgrades = list(manager, 'upgrade_configs');
  refuseRepeated(upgrades, name => `Error: multiple upgrade configs with the same name: '${name}'`, refuse);
  for (const upgrade of upgrades) {
    const filters = list(upgrade, 'filters');
    checkRouterIsLast(filters, 'http upgrade', refuse);
    const last = filters.at(-1);
    if (last === undefined || isRouter(last)) continue;
    const rule = 'is the last filter in a http upgrade filter chain.';
    throw refuse(`Error: non-terminal filter named ${last.value.name} ${rule}`, last.path);
  }
}

export function checkRouteUpgrades(route: Part, refuse: Refuse): void {
  const upgrades = list(route, 'route', 'upgrade_configs');
  refuseRepeated(upgrades, name => `Duplicate upgrade ${name}`, refuse);
  for (const { value, path } of upgrades)
    if (value.connect_config !== undefined && typeOf(value) !== 'connect')
      throw refuse(`Non-CONNECT upgrade type ${value.upgrade_type} has ConnectConfig`, [...path, 'connect_config']);
}

/** @param kind of the chain, in Envoy's words */
export function checkRouterIsLast(filters: readonly Part[], kind: 'http' | 'http upgrade', refuse: Refuse): void {
  for (const filter of filters.slice(0, -1)) {
    if (!isRouter(filter)) continue;
    const rule = `must be the last filter in a ${kind} filter chain.`;
    throw refuse(
      `Error: terminal filter named ${filter.value.name} of type envoy.filters.http.router ${rule}`,
      filter.path,
    );
  }
}

const isRouter = (filter: Part): boolean => String(at(filter, 'typed_config')?.value['@type']).endsWith(routerType);

const typeOf = (value: Part['value']): string => String(value.upgrade_type ?? '').toLowerCase();

function refuseRepeated(upgrades: readonly Part[], words: (name: unknown) => string, refuse: Refuse): void {
  const seen = new Set<string>();
  for (const { value, path } of upgrades) {
    if (seen.has(typeOf(value))) throw refuse(words(value.upgrade_type), [...path, 'upgrade_type']);
    seen.add(typeOf(value));
  }
}
