/** Finds the virtual host and the route of a request. */
import type { Route as RouteConfig, RouteList } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from '../api/envoy/config/route/v3/route_pb.js';
import type { Matcher } from '../api/xds/type/matcher/v3/matcher_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { type MatchedRequest, requestKinds } from '../matching/inputs.ts';
import { compileMatcher, type Match } from '../matching/match-tree.ts';
import { asBytes } from '../net/latin1.ts';
import { statedMetadata } from '../stated-metadata.ts';
import type { VirtualHostFacts } from '../stream-info.ts';
import { Route } from './route.ts';
import type { RouteContext, TableContext } from './route-context.ts';
import { levelOf, type RouteEntry } from './route-entry.ts';
import { type InsecureTest, insecureTest, secureRedirect } from './secure-redirect.ts';

/** Where in a route configuration it says what happens to a request. */
export interface RouteLocation {
  /** The virtual host's index; -1 where none has a domain that fits. */
  host: number;
  /** What is known of it; undefined where there is none. */
  facts: VirtualHostFacts | undefined;
  /** Which of its domains, in lower case. */
  domain: string;
  /** It asks for https, by which the request did not come. */
  secured: boolean;
  /** The route's index within the virtual host; -1 where none matches, or a matcher leads to it. */
  route: number;
}

export const nowhere: RouteLocation = { host: -1, facts: undefined, domain: '', secured: false, route: -1 };

/** What a virtual host does with requests. */
interface Routes {
  index: number;
  facts: VirtualHostFacts;
  routes: readonly Route[];
  /** Finds the routes that count for a request, in place of the list; undefined where there is no matcher. */
  match: Match<MatchedRequest, readonly Route[]> | undefined;
  /** Undefined where it does not matter how they came. */
  insecure: InsecureTest | undefined;
}

/** @throws Error where the matcher asks or leads to what makes no sense here */
function routeMatch(matcher: Matcher, compile: (route: RouteConfig) => Route): Match<MatchedRequest, readonly Route[]> {
  return compileMatcher(matcher, {
    ...requestKinds,
    action({ name, typedConfig: any }) {
      const route = typedConfig<RouteConfig>(any, 'envoy.config.route.v3.Route');
      if (route !== undefined) return [compile(route)];
      const list = typedConfig<RouteList>(any, 'envoy.config.route.v3.RouteList');
      if (list !== undefined) return list.routes.map(compile);
      throw new Error(`a matcher of routes has no action ${name || any?.typeUrl}`);
    },
  });
}

/** How long a direct response may be where nothing is said, in bytes. */
const usualDirectBody = 4096;

/** As in Envoy, whatever it is. */
const portAtEnd = /:[^:\]]*$/;

/** A route configuration, compiled. */
export class RouteTable {
  readonly name: string;
  readonly #exact = new Map<string, Routes>();
  /** `*.example.com`: longest first. */
  readonly #suffixes: [suffix: string, routes: Routes][] = [];
  /** `example.*`: longest first. */
  readonly #prefixes: [prefix: string, routes: Routes][] = [];
  #any: Routes | undefined;

  /** Ports in hosts say nothing. */
  readonly #ignoresPort: boolean;

  constructor(configuration: RouteConfiguration, given: RouteContext) {
    const context: TableContext = {
      ...given,
      maxDirectBody: configuration.maxDirectResponseBodySizeBytes ?? usualDirectBody,
      mirrorPolicies: configuration.requestMirrorPolicies,
      ignoresPathParameters: configuration.ignorePathParametersInPathMatching,
      mostSpecificWins: configuration.mostSpecificHeaderMutationsWins,
    };
    this.name = configuration.name;
    this.#ignoresPort = configuration.ignorePortInHostMatching;
    const top = levelOf(configuration, context);
    for (const [index, host] of configuration.virtualHosts.entries()) {
      const outer = [levelOf(host, context), top];
      const compile = (route: RouteConfig): Route => new Route(route, host, outer, context);
      const routes = {
        index,
        facts: { name: asBytes(host.name), metadata: statedMetadata(host.metadata) },
        routes: host.routes.map(compile),
        match: host.matcher && routeMatch(host.matcher, compile),
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
   * @param metadata what filters have told of it so far
   */
  find(head: RequestHeaders, random: number, metadata?: DynamicMetadata): RouteEntry | undefined {
    const host = this.#routesOf(head.authority);
    if (host === undefined) return undefined;
    if (host.insecure?.(head)) return secureRedirect;
    const routes = host.match === undefined ? host.routes : (host.match({ head }) ?? []);
    for (let i = 0; i < routes.length; i++)
      if (routes[i]!.matches(head, random, metadata)) return routes[i]!.entryFor(head, random);
    return undefined;
  }

  /** Where the configuration says so; for the same arguments, at the same moment, as `find`. */
  locate(head: RequestHeaders, random: number, metadata?: DynamicMetadata): RouteLocation {
    const host = this.#routesOf(head.authority);
    if (host === undefined) return nowhere;
    const domain = this.#domainOf(host, this.#matched(head.authority));
    if (host.insecure?.(head)) return { host: host.index, facts: host.facts, domain, secured: true, route: -1 };
    const route = host.routes.findIndex(route => route.matches(head, random, metadata));
    return { host: host.index, facts: host.facts, domain, secured: false, route };
  }

  /** What domains are compared with. */
  #matched(authority: string): string {
    const host = authority.toLowerCase();
    return this.#ignoresPort ? host.replace(portAtEnd, '') : host;
  }

  /** The domain by which a virtual host was chosen. */
  #domainOf(host: Routes, authority: string): string {
    if (this.#exact.get(authority) === host) return authority;
    const suffix = this.#suffixes.find(([text, routes]) => routes === host && authority.endsWith(text));
    if (suffix !== undefined) return `*${suffix[0]}`;
    const prefix = this.#prefixes.find(([text, routes]) => routes === host && authority.startsWith(text));
    return prefix === undefined ? '*' : `${prefix[0]}*`;
  }

  #routesOf(authority: string): Routes | undefined {
    // The common case of one virtual host for all: no name has to be looked at.
    if (this.#exact.size === 0 && this.#suffixes.length === 0 && this.#prefixes.length === 0) return this.#any;
    const host = this.#matched(authority);
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    for (const [suffix, routes] of this.#suffixes)
      if (host.length > suffix.length && host.endsWith(suffix)) return routes;
    for (const [prefix, routes] of this.#prefixes)
      if (host.length > prefix.length && host.startsWith(prefix)) return routes;
    return this.#any;
  }
}
