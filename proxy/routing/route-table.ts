/** Finds the virtual host and the route of a request. */
import type { RouteConfiguration } from '../api/envoy/config/route/v3/route_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import { Route } from './route.ts';
import type { RouteContext } from './route-context.ts';
import { levelOf, type RouteEntry } from './route-entry.ts';
import { type InsecureTest, insecureTest, secureRedirect } from './secure-redirect.ts';

/** What a virtual host does with requests. */
interface Routes {
  routes: readonly Route[];
  /** Undefined where it does not matter how they came. */
  insecure: InsecureTest | undefined;
}

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
    const top = levelOf(configuration, context);
    for (const host of configuration.virtualHosts) {
      const outer = [levelOf(host, context), top];
      const routes = {
        routes: host.routes.map(route => new Route(route, host, outer, context)),
        insecure: insecureTest(host.requireTls),
      };
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

  /**
   * What happens to a request; undefined where no route matches.
   * @param random a whole number, the same for all decisions about one request
   */
  find(head: RequestHeaders, random: number): RouteEntry | undefined {
    const host = this.#routesOf(head.authority);
    if (host === undefined) return undefined;
    if (host.insecure?.(head)) return secureRedirect;
    const { routes } = host;
    for (let i = 0; i < routes.length; i++)
      if (routes[i]!.matches(head, random)) return routes[i]!.entryFor(head, random);
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
