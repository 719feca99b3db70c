/** Finds the virtual host and the route of a request. */
import type { RouteConfiguration } from '../api/envoy/config/route/v3/route_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import { HeaderMutations } from './header-mutations.ts';
import { Route, type RouteContext } from './route.ts';

type Routes = readonly Route[];

/** A route configuration, compiled. */
export class RouteTable {
  readonly name: string;
  readonly #exact = new Map<string, Routes>();
  /** `*.example.com`: longest first. */
  readonly #suffixes: [suffix: string, routes: Routes][] = [];
  /** `example.*`: longest first. */
  readonly #prefixes: [prefix: string, routes: Routes][] = [];
  #any: Routes | undefined;

  constructor(configuration: RouteConfiguration, context: RouteContext) {
    this.name = configuration.name;
    const top = mutations(configuration);
    for (const host of configuration.virtualHosts) {
      const own = mutations(host);
      const inherited = { request: [own.request, top.request], response: [own.response, top.response] };
      const routes = host.routes.map(route => new Route(route, host, inherited, context));
      for (const domain of host.domains) this.#addDomain(domain.toLowerCase(), routes);
    }
    const longestFirst = (a: [string, Routes], b: [string, Routes]) => b[0].length - a[0].length;
    this.#suffixes.sort(longestFirst);
    this.#prefixes.sort(longestFirst);
  }

  #addDomain(domain: string, routes: Routes): void {
    if (domain === '*') this.#any = routes;
    else if (domain.startsWith('*')) this.#suffixes.push([domain.slice(1), routes]);
    else if (domain.endsWith('*')) this.#prefixes.push([domain.slice(0, -1), routes]);
    else this.#exact.set(domain, routes);
  }

  find(head: RequestHeaders): Route | undefined {
    const routes = this.#routesOf(head.authority);
    if (routes === undefined) return undefined;
    for (let i = 0; i < routes.length; i++) if (routes[i]!.matches(head)) return routes[i];
    return undefined;
  }

  #routesOf(authority: string): Routes | undefined {
    // The common case of one virtual host for all: no name has to be looked at.
    if (this.#exact.size === 0 && this.#suffixes.length === 0 && this.#prefixes.length === 0) return this.#any;
    const host = authority.toLowerCase();
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    for (const [suffix, routes] of this.#suffixes)
      if (host.length > suffix.length && host.endsWith(suffix)) return routes;
    for (const [prefix, routes] of this.#prefixes)
      if (host.length > prefix.length && host.startsWith(prefix)) return routes;
    return this.#any;
  }
}

type WithMutations = Pick<
  RouteConfiguration,
  'requestHeadersToAdd' | 'requestHeadersToRemove' | 'responseHeadersToAdd' | 'responseHeadersToRemove'
>;

function mutations(source: WithMutations): { request: HeaderMutations; response: HeaderMutations } {
  return {
    request: new HeaderMutations({ add: source.requestHeadersToAdd, remove: source.requestHeadersToRemove }),
    response: new HeaderMutations({ add: source.responseHeadersToAdd, remove: source.responseHeadersToRemove }),
  };
}
