/** Looks names up: as the system does, or by asking the DNS servers of a configuration. */
import { getServers } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { Cluster_DnsLookupFamily as LookupFamily } from '../api/enums.js';
import { type SearchRules, searchRules, wholeNames } from './search-domains.ts';

export interface FoundName {
  /** Each once, in the order of the answer; none where the name has none. */
  addresses: readonly string[];
  /** Seconds that the answer holds; 0 where it does not say. */
  ttl: number;
}

type Family = 4 | 6;

interface Answer {
  address: string;
  /** In seconds. */
  ttl: number;
}

/** The addresses of a family. @throws Error where nobody can tell */
interface Source {
  ask(name: string, family: Family): Promise<readonly Answer[]>;
  cancel(): void;
}

/** Of the families, in their order: those of the first that has any, or of all. */
const order: Record<LookupFamily, { families: readonly Family[]; all: boolean }> = {
  [LookupFamily.AUTO]: { families: [6, 4], all: false },
  [LookupFamily.V4_ONLY]: { families: [4], all: false },
  [LookupFamily.V6_ONLY]: { families: [6], all: false },
  [LookupFamily.V4_PREFERRED]: { families: [4, 6], all: false },
  [LookupFamily.ALL]: { families: [4, 6], all: true },
};

export class NameResolver {
  readonly #families: readonly Family[];
  readonly #all: boolean;
  readonly #source: Source;

  /** @param isRoutable whether addresses of that family are of any use */
  constructor(family: LookupFamily, source: Source, isRoutable: (family: Family) => boolean = () => true) {
    const { families, all } = order[family];
    this.#families = families.filter(isRoutable);
    this.#all = all;
    this.#source = source;
  }

  /** @throws Error where nobody can tell */
  async resolve(name: string): Promise<FoundName> {
    if (this.#all) return found((await Promise.all(this.#families.map(one => this.#source.ask(name, one)))).flat());
    let failure: unknown;
    for (const family of this.#families)
      try {
        const answers = await this.#source.ask(name, family);
        if (answers.length > 0) return found(answers);
      } catch (error) {
        failure = error;
      }
    if (failure !== undefined) throw failure;
    return found([]);
  }

  /** What is under way fails. */
  cancel(): void {
    this.#source.cancel();
  }
}

function found(answers: readonly Answer[]): FoundName {
  const ttl = answers.length === 0 ? 0 : Math.min(...answers.map(answer => answer.ttl));
  return { addresses: [...new Set(answers.map(({ address }) => address))], ttl };
}

/** Nobody failed: there is nothing. */
const nothing: readonly string[] = ['ENOTFOUND', 'ENODATA', 'EAI_NODATA'];

/** As all programs of this machine look names up. It does not say how long answers hold. */
export const systemSource: Source = {
  async ask(name, family) {
    const answers = await lookup(name, { all: true, verbatim: true, family }).catch(noAddress);
    return answers.map(({ address }) => ({ address, ttl: 0 }));
  },
  cancel() {},
};

function noAddress(error: NodeJS.ErrnoException): never[] {
  if (nothing.includes(error.code ?? '')) return [];
  throw error;
}

/** A server says that it cannot tell: another one might. */
const unable: readonly string[] = ['ESERVFAIL', 'ENOTIMP', 'EREFUSED'];

/** As the library does that Envoy uses. */
const patience = { timeout: 2000, tries: 4 };

/** Asks DNS servers for what this machine's own list of hosts does not tell. */
export class ServerSource implements Source {
  /** Each asks another server first. */
  readonly #resolvers: readonly Resolver[];
  readonly #searches: boolean;

  /**
   * @param servers `ip:port` of each; undefined: those of the system
   * @param searches whether names are tried within the domains of the system, too
   */
  constructor(servers: readonly string[] | undefined, searches: boolean) {
    const all = servers ?? getServers();
    this.#resolvers = all.map((_, first) => {
      const resolver = new Resolver(patience);
      resolver.setServers([...all.slice(first), ...all.slice(0, first)]);
      return resolver;
    });
    this.#searches = searches;
  }

  async ask(name: string, family: Family): Promise<readonly Answer[]> {
    const own = await ownAnswers(name, family);
    if (own.length > 0 || isIP(name) !== 0) return own;
    const rules: SearchRules = this.#searches ? await systemRules() : { domains: [], dots: 0 };
    for (const whole of wholeNames(name, rules)) {
      const answers = await this.#query(whole, family).catch(noAddress);
      if (answers.length > 0) return answers;
    }
    return [];
  }

  /** A server that cannot tell is asked again, after the others. */
  async #query(name: string, family: Family): Promise<Answer[]> {
    const count = this.#resolvers.length;
    for (let attempt = 1; ; attempt++) {
      const resolver = this.#resolvers[(attempt - 1) % count]!;
      try {
        return await (family === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true }));
      } catch (error) {
        const again = unable.includes((error as NodeJS.ErrnoException).code ?? '');
        if (!again || attempt >= patience.tries * count) throw error;
      }
    }
  }

  cancel(): void {
    for (const resolver of this.#resolvers) resolver.cancel();
  }
}

const loopback = { 4: '127.0.0.1', 6: '::1' } as const;

/** What nobody has to be asked for. */
async function ownAnswers(name: string, family: Family): Promise<Answer[]> {
  if (isIP(name) !== 0) return isIP(name) === family ? [{ address: name, ttl: 0 }] : [];
  if (/(^|\.)localhost\.?$/i.test(name)) return [{ address: loopback[family], ttl: 0 }];
  const text = await readFile('/etc/hosts', 'utf8').catch(() => '');
  const lines = text.split('\n').map(line => line.replace(/#.*/, '').trim().split(/\s+/));
  return lines
    .filter(([address = '', ...names]) => isIP(address) === family && names.includes(name))
    .map(([address = '']) => ({ address, ttl: 0 }));
}

async function systemRules(): Promise<SearchRules> {
  return searchRules(await readFile('/etc/resolv.conf', 'utf8').catch(() => ''));
}
