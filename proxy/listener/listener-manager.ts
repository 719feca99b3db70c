/** All listeners of a proxy by name: those of its bootstrap, and those that come, change and go while it runs. */
import { randomUUID } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { serialize } from 'node:v8';
import type { DynamicListener, DynamicResource, ListenerStatus } from '../admin-source.ts';
import type { Listener as Configuration } from '../api/envoy/config/listener/v3/listener_pb.js';
import type { JsonObject } from '../configuration/json.ts';
import { WrittenPart } from '../explain/written-part.ts';
import { splitAddress } from '../net/address-range.ts';
import type { News } from '../workers/news.ts';
import type { DrainSettings } from './drain.ts';
import { duplicateAddress, type ListenAddress, listenAddresses, shareAddress } from './listen-address.ts';
import { BindError, ListenSocket } from './listen-socket.ts';
import { Listener, type ListenerContext, type ListenerOptions } from './listener.ts';
import { ListenerSockets } from './listener-sockets.ts';
import { ListenerManagerStats } from './listener-stats.ts';
import { chainTextsOf, wholeTextOf } from './listener-texts.ts';

/** A listener and what it came from. */
interface Entry extends DynamicResource {
  name: string;
  listener: Listener;
  sockets: ListenerSockets;
  /** The document as text, by which an update that changes nothing is known; undefined: it is one of the bootstrap. */
  text: string | undefined;
  /** The listener before, which it shares filter chains with. */
  sharedWith: Listener | undefined;
  /** It could serve: ends when it does, or does not after all. */
  opening?: Promise<void>;
}

interface Draining {
  entry: Entry;
  /** What came in its place in part only: its other chains go on. */
  heir: Listener | undefined;
  timer: NodeJS.Timeout;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/lds */
export class ListenerManager {
  readonly #context: ListenerContext;
  readonly #drain: DrainSettings;
  readonly #stats: ListenerManagerStats;
  readonly #active = new Map<string, Entry>();
  /** Those whose routes or secrets are not there yet. Until they are, the one before goes on, if there is one. */
  readonly #warming = new Map<string, Entry>();
  readonly #draining = new Set<Draining>();
  #stopped = false;
  #nextKey = 0;
  /** Until the proxy is ready as a whole, nobody is served. */
  readonly #open = Promise.withResolvers<void>();

  constructor(configurations: readonly Configuration[], context: ListenerContext, drain: DrainSettings) {
    this.#context = context;
    this.#drain = drain;
    this.#stats = new ListenerManagerStats(context.store);
    for (const [index, configuration] of configurations.entries()) {
      const written = context.explain?.listener(index);
      const listener = this.#compile(configuration, { written, listenerAt: this.#listenerAt }, this.#newKey());
      const { name, binds } = listener;
      // Names need not be unique in a bootstrap.
      const key = this.#active.has(name) || configuration.name === '' ? randomUUID() : name;
      const came = { document: {}, version: '', lastUpdated: new Date() };
      const sockets = new ListenerSockets(binds.map(bind => this.#socketAt(bind)));
      this.#active.set(key, { name, listener, sockets, text: undefined, sharedWith: undefined, ...came });
      this.#stats.added.increment();
    }
    this.#measure();
  }

  /** Who takes connections that were meant for an address: the listener of just that one, else that of its port. */
  readonly #listenerAt = (address: string): Listener | undefined => {
    const { address: host, port } = splitAddress(address);
    const any = isIPv6(host) ? '::' : '0.0.0.0';
    const at = (wanted: string): Listener | undefined => {
      for (const { listener } of this.#active.values())
        if (listener.binds.some(bind => bind.port === port && bind.host === wanted)) return listener;
      return undefined;
    };
    return at(host) ?? at(any);
  };

  /** Ends when the listeners of the bootstrap could serve. */
  async prepare(): Promise<void> {
    await Promise.all([...this.#active.values()].map(({ listener }) => listener.prepare()));
  }

  /**
   * Serves: those of the bootstrap, then those that came since.
   * @param places where another worker serves the bootstrap's
   * @returns these
   * @throws BindError for one of the bootstrap
   */
  async open(places: readonly number[] = []): Promise<readonly number[]> {
    const opened: ListenSocket[] = [];
    for (const { listener, sockets } of this.#active.values()) {
      for (const socket of sockets.all) {
        // Who shares an address with other workers is let share it with anybody.
        if (this.#isShared && opened.some(({ address }) => address === socket.address))
          throw new BindError(`cannot bind '${socket.address}': Address already in use`);
        if (places.length > 0) socket.handTo(listener);
        await socket.listen(listener.backlog, places[opened.length]);
        opened.push(socket);
      }
      sockets.handTo(listener);
      this.#stats.createSuccess.increment();
    }
    this.#open.resolve();
    await Promise.all([...this.#warming.values()].map(({ opening }) => opening));
    this.#stats.workersStarted.set(1);
    return opened.map(({ place }) => place);
  }

  /** Ends when all that have come could serve, also those that come meanwhile. */
  async warmed(): Promise<void> {
    for (let known = new Set<Entry>(); [...this.#warming.values()].some(entry => !known.has(entry)); ) {
      known = new Set(this.#warming.values());
      await Promise.all([...known].map(({ listener }) => listener.prepare()));
    }
  }

  get listeners(): readonly (ListenerStatus & { listener: Listener })[] {
    return [...this.#active.values()].map(({ name, listener, sockets }) => ({ name, listener, ...sockets.addresses }));
  }

  /** All that have connections or are to have some. */
  get all(): readonly Listener[] {
    const entries = [...this.#active.values(), ...this.#warming.values()];
    return [...entries, ...[...this.#draining].map(({ entry }) => entry)].map(({ listener }) => listener);
  }

  /** Those that came by updates, by name. */
  get dynamic(): readonly DynamicListener[] {
    const found = new Map<string, DynamicListener>();
    const tell = (entry: Entry, state: Partial<DynamicListener>): void => {
      if (entry.text !== undefined) found.set(entry.name, { ...found.get(entry.name), name: entry.name, ...state });
    };
    for (const entry of this.#active.values()) tell(entry, { active: entry });
    for (const entry of this.#warming.values()) tell(entry, { warming: entry });
    for (const { entry, heir } of this.#draining) if (heir === undefined) tell(entry, { draining: entry });
    return [...found.values()];
  }

  /** The names of those that came by updates. */
  get dynamicNames(): ReadonlySet<string> {
    return new Set([...this.#dynamicEntries()].map(({ name }) => name));
  }

  *#dynamicEntries(): Iterable<Entry> {
    for (const entries of [this.#active, this.#warming])
      for (const entry of entries.values()) if (entry.text !== undefined) yield entry;
  }

  /**
   * Adds a listener, or puts it in the place of the one before once it can serve. One of the bootstrap stays as it is.
   * @param told what another worker says of it, where that came first
   * @returns whether anything changes
   * @throws what is wrong with it
   */
  async update(
    configuration: Configuration,
    document: JsonObject,
    version: string,
    told?: { key: string; places: readonly number[] },
  ): Promise<boolean> {
    const name = configuration.name || randomUUID();
    const text = JSON.stringify(document);
    // Where another worker has judged that, this one may be on its way to what came before.
    if (told === undefined && !this.#changes(name, text)) return false;
    const sockets = await this.#socketsFor(name, configuration, told?.places);
    // From here on nothing comes in between.
    const [active, warming] = [this.#active.get(name), this.#warming.get(name)];
    const letGo = () => sockets.close(active?.sockets, warming?.sockets);
    if (this.#stopped) {
      letGo();
      return false;
    }
    const inPlace = active !== undefined && wholeTextOf(active.document) === wholeTextOf(document);
    const sharedWith = inPlace ? active.listener : undefined;
    const chainTexts = chainTextsOf(document);
    const written = this.#context.explain && writtenListener(name, version, document);
    const options = { chainTexts, sharedWith, written, listenerAt: this.#listenerAt };
    const named = { ...configuration, name };
    const key = told?.key ?? this.#newKey();
    const listener = this.#make(named, options, letGo, key);
    const packed = () => serialize({ configuration: named, document, version });
    this.#tell(() => ({ kind: 'listener', key, places: sockets.places, packed: packed() }));
    ((active ?? warming) ? this.#stats.modified : this.#stats.added).increment();
    // As with Envoy, what changes in place keeps the version that it had as a whole.
    const shown = { document, version: inPlace ? active.version : version, lastUpdated: new Date() };
    const entry: Entry = { name, listener, sockets, text, sharedWith, ...shown };
    if (warming !== undefined) this.#dropWarming(warming, sockets);
    this.#warming.set(name, entry);
    this.#measure();
    // Who has nothing to wait for serves before the next one comes, who may want an address that it has left.
    await Promise.race([this.#warm(entry), nextTurn()]);
    return true;
  }

  async #warm(entry: Entry): Promise<void> {
    await entry.listener.prepare();
    entry.opening = this.#openWarm(entry);
    await entry.opening;
  }

  async #openWarm(entry: Entry): Promise<void> {
    const { name, listener, sockets } = entry;
    await this.#open.promise;
    if (this.#warming.get(name) !== entry) return;
    if (!sockets.isListening) {
      const problem = await sockets.listen(listener.backlog, listener).catch((error: Error) => error);
      if (problem instanceof Error && !this.#goesOnWithout(entry, problem)) return;
    }
    this.#activate(entry);
  }

  /** Somebody else has listened there meanwhile. @returns whether it is there nevertheless: other workers serve it */
  #goesOnWithout(entry: Entry, { message }: Error): boolean {
    this.#context.xds?.log.error('upstream', `listener '${entry.name}' does not serve: ${message}`);
    if (this.#context.crew?.told !== undefined) return true;
    this.#stats.createFailure.increment();
    if (this.#warming.get(entry.name) !== entry) return false;
    this.#warming.delete(entry.name);
    this.#dropWarming(entry, undefined);
    this.#measure();
    return false;
  }

  get #isShared(): boolean {
    return this.#context.crew !== undefined;
  }

  #socketAt(bind: ListenAddress, isShared = this.#isShared): ListenSocket {
    return new ListenSocket(bind, isShared || this.#isShared, error =>
      this.#context.xds?.log.warning('connection', `a connection could not be accepted: ${error.message}`),
    );
  }

  /** By which workers tell each other of it; that of a listener of the bootstrap is its place there. */
  #newKey(): string {
    return String(this.#nextKey++);
  }

  #compile(configuration: Configuration, options: ListenerOptions, key: string): Listener {
    const make = (): Listener => new Listener(configuration, this.#context, options);
    return this.#context.crew?.memory.within(`listener ${key}`, make) ?? make();
  }

  #tell(news: () => News): void {
    const tell = this.#context.crew?.tell;
    if (tell !== undefined) tell(news());
  }

  #changes(name: string, text: string): boolean {
    const [active, warming] = [this.#active.get(name), this.#warming.get(name)];
    const isOfBootstrap = active !== undefined && active.text === undefined;
    return !isOfBootstrap && active?.text !== text && warming?.text !== text;
  }

  /** @param letGo of what was opened for it, where it cannot be made */
  #make(configuration: Configuration, options: ListenerOptions, letGo: () => void, key: string): Listener {
    try {
      return this.#compile(configuration, options, key);
    } catch (error) {
      letGo();
      throw error;
    }
  }

  /** Those of the one before where addresses stay. @throws Error for an address that another listener has; BindError */
  async #socketsFor(
    name: string,
    configuration: Configuration,
    places: readonly number[] | undefined,
  ): Promise<ListenerSockets> {
    const binds = listenAddresses(configuration);
    for (const { name: other, listener } of [...this.#active.values(), ...this.#warming.values()])
      if (other !== name && shareAddress(listener.binds, binds)) throw new Error(duplicateAddress(name, binds));
    const before = [this.#warming.get(name), this.#active.get(name)].flatMap(entry => entry?.sockets ?? []);
    if (configuration.enableReusePort === false && before.some(sockets => sockets.differsInOptions(binds)))
      throw new Error(`Listener ${name}: doesn't support update any socket options when the reuse port isn't enabled`);
    const open = (bind: ListenAddress, isShared: boolean) => this.#socketAt(bind, isShared);
    try {
      return await ListenerSockets.open(binds, { before, places, open });
    } catch (error) {
      if (error instanceof BindError) this.#stats.createFailure.increment();
      throw error;
    }
  }

  #activate(entry: Entry): void {
    const { name, listener, sockets, sharedWith } = entry;
    // Another update came, or it was removed.
    if (this.#warming.get(name) !== entry) return;
    this.#warming.delete(name);
    const before = this.#active.get(name);
    this.#active.set(name, entry);
    sockets.handTo(listener);
    this.#stats.createSuccess.increment();
    if (sharedWith !== undefined) this.#stats.inPlaceUpdated.increment();
    if (before !== undefined) {
      before.sockets.close(sockets);
      this.#drainOut(before, sharedWith === undefined ? undefined : listener);
    }
    entry.sharedWith = undefined;
    this.#measure();
  }

  /** Removes a listener that came by an update: nobody comes any more, and those that are there have the drain time. */
  remove(name: string): boolean {
    const [active, warming] = [this.#active.get(name), this.#warming.get(name)];
    if (active?.text === undefined && warming === undefined) return false;
    this.#tell(() => ({ kind: 'listener-removed', name }));
    if (warming !== undefined) {
      this.#warming.delete(name);
      this.#dropWarming(warming, undefined);
    }
    if (active !== undefined) {
      this.#active.delete(name);
      active.sockets.close();
      this.#drainOut(active, undefined);
    }
    this.#stats.removed.increment();
    this.#measure();
    return true;
  }

  /** @param kept sockets that go on */
  #dropWarming({ name, listener, sockets, sharedWith }: Entry, kept: ListenerSockets | undefined): void {
    sockets.close(kept, this.#active.get(name)?.sockets);
    listener.destroy(sharedWith);
    this.#forgetStats(listener);
  }

  #drainOut(entry: Entry, heir: Listener | undefined): void {
    const { listener } = entry;
    listener.beginDrain(this.#drain, heir);
    const done = (): void => {
      this.#draining.delete(draining);
      listener.destroy(heir);
      this.#forgetStats(listener);
      this.#measure();
    };
    const draining: Draining = { entry, heir, timer: setTimeout(done, this.#drain.durationMs) };
    this.#draining.add(draining);
  }

  #forgetStats({ scope: { prefix } }: Listener): void {
    if (!this.all.some(({ scope }) => scope.prefix === prefix)) this.#context.store.removeScope(prefix);
  }

  stopAccepting(): void {
    for (const { sockets } of [...this.#active.values(), ...this.#warming.values()]) sockets.close();
  }

  /** Accepts no more; connections end after the request that is under way. */
  drain(): void {
    this.stopAccepting();
    for (const listener of this.all) listener.drain();
  }

  /** Resolves when there is no connection. */
  async empty(): Promise<void> {
    await Promise.all(this.all.map(listener => listener.empty()));
  }

  destroy(): void {
    this.#stopped = true;
    this.stopAccepting();
    for (const listener of this.all) listener.destroy();
    for (const { timer } of this.#draining) clearTimeout(timer);
    for (const entries of [this.#active, this.#warming, this.#draining]) entries.clear();
  }

  #measure(): void {
    const stats = this.#stats;
    const draining = [...this.#draining];
    stats.active.set(this.#active.size);
    stats.warming.set(this.#warming.size);
    stats.draining.set(draining.filter(({ heir }) => heir === undefined).length);
    const chains = draining.flatMap(({ entry, heir }) =>
      heir === undefined ? [] : entry.listener.chainsWithout(heir),
    );
    stats.chainsDraining.set(chains.length);
  }
}

const writtenListener = (name: string, version: string, document: JsonObject): WrittenPart =>
  WrittenPart.resource({ type: 'envoy.config.listener.v3.Listener', name, version }, document);
