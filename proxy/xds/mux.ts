/** The requests of many watches on one stream to a control plane. */
import { ConfigurationError } from '../configuration/errors.ts';
import type { Log } from '../log.ts';
import type { StatsScope } from '../stats/store.ts';
import { DiscoveryStream, type DiscoveryStreamOptions, type DiscoveryStreamOwner } from './discovery-stream.ts';
import { type DiscoveryResponse, decodeDeltaResponse, decodeResponse } from './messages.ts';
import { type Update, UpdateRefused } from './subscription.ts';
import { DeltaState, type Names, type TypeState, WorldState } from './type-state.ts';
import type { UpdateLoader } from './update-loader.ts';
import { refusalOf, type Watch, type WatchCarrier } from './watch.ts';

export interface MuxOptions extends Pick<DiscoveryStreamOptions, 'open' | 'path' | 'backOff'> {
  /** Changes only, instead of the state of the world. */
  delta: boolean;
  loader: UpdateLoader;
  log: Log;
  scope: StatsScope;
  /** A Node in binary. */
  node: Uint8Array;
  /** The node is told but once for each stream. */
  nodeOnFirstMessageOnly: boolean;
}

/** One kind of resources. */
interface Kind {
  typeUrl: string;
  state: TypeState;
  watches: Set<Watch>;
  /** How many hold its requests back. */
  pauses: number;
  /** Something is to be said. */
  pending: boolean;
}

const prefix = 'type.googleapis.com/';

export class Mux implements WatchCarrier, DiscoveryStreamOwner {
  readonly #options: MuxOptions;
  readonly #stream: DiscoveryStream;
  /** By their type URL, in the order in which they were first asked for. */
  readonly #kinds = new Map<string, Kind>();
  /** Those that have something to say, in its order. */
  #queue: Kind[] = [];
  #flush: NodeJS.Immediate | undefined;
  /** Counts streams: an answer to one is nothing to the next. */
  #generation = 0;
  #nodeTold = false;
  #started = false;
  /** Responses are taken one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: MuxOptions) {
    this.#options = options;
    this.#stream = new DiscoveryStream(options, this);
  }

  add(watch: Watch): void {
    const kind = this.#kindOf(watch.interest.typeName);
    kind.watches.add(watch);
    this.#say(kind);
    if (this.#started) return;
    this.#started = true;
    // The cluster that it goes to may be the next that is made.
    setImmediate(() => this.#stream.start());
  }

  remove(watch: Watch): void {
    const kind = this.#kindOf(watch.interest.typeName);
    // To name nothing would be to ask for all: whoever asked for that says nothing when it leaves.
    if (kind.watches.delete(watch) && watch.names !== undefined) this.#say(kind);
  }

  ask(watch: Watch): void {
    this.#say(this.#kindOf(watch.interest.typeName));
  }

  /** Holds back what is to be said of these messages, until the answer is called: so changes are told at once, and in their order. */
  pause(typeNames: readonly string[]): () => void {
    const kinds = typeNames.map(name => this.#kindOf(name));
    for (const kind of kinds) kind.pauses++;
    return () => {
      // What waited longest comes first.
      for (const kind of kinds) if (--kind.pauses === 0 && kind.pending) this.#say(kind, true);
    };
  }

  stop(): void {
    this.#generation++;
    clearImmediate(this.#flush);
    this.#stream.stop();
  }

  onOpened(): void {
    this.#generation++;
    this.#nodeTold = false;
    this.#queue = [];
    for (const kind of this.#kinds.values()) {
      kind.state.restart();
      kind.pending = false;
      if (kind.watches.size > 0) this.#say(kind);
    }
  }

  onClosed(): void {
    this.#generation++;
    for (const { watches } of this.#kinds.values()) for (const watch of watches) watch.disconnect();
  }

  onResponse(bytes: Uint8Array): void {
    const generation = this.#generation;
    this.#work = this.#work.then(async () => {
      if (generation === this.#generation) await this.#take(bytes, generation);
    });
  }

  async #take(bytes: Uint8Array, generation: number): Promise<void> {
    const response = this.#decode(bytes);
    const kind = response && this.#kinds.get(response.typeUrl);
    if (response === undefined || kind === undefined) {
      const url = response?.typeUrl ?? 'unknown';
      this.#options.log.warning('config', `Ignoring the message for type URL ${url} as it has no current subscribers.`);
      return;
    }
    if (response.identifier !== '')
      this.#options.scope.scope('control_plane.').textReadout('identifier').set(response.identifier);
    // Nobody has asked since, and there is nothing: as with Envoy, there is nothing to say.
    if (kind.watches.size === 0 && response.resources.length === 0 && !this.#options.delta) {
      kind.state.accepted(response);
      return;
    }
    // Its answer tells what is the state of the world then: nothing is to be said of the kind before.
    const isHeld = !this.#options.delta;
    if (isHeld) kind.pauses++;
    const problem = await this.#use(response, kind, () => generation === this.#generation);
    // What this brings about is said before the answer to it.
    await new Promise(resolve => setImmediate(resolve));
    if (generation === this.#generation) {
      if (problem === undefined) kind.state.accepted(response);
      else kind.state.rejected(response, problem);
      kind.pending = true;
    }
    if (isHeld) kind.pauses--;
    if (kind.pauses === 0 && kind.pending) this.#say(kind);
  }

  #decode(bytes: Uint8Array): DiscoveryResponse | undefined {
    try {
      return this.#options.delta ? decodeDeltaResponse(bytes) : decodeResponse(bytes);
    } catch (error) {
      this.#options.log.warning('config', `a response that cannot be read: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** @returns why it is refused */
  async #use(response: DiscoveryResponse, kind: Kind, isCurrent: () => boolean): Promise<string | undefined> {
    const watches = [...kind.watches];
    for (const watch of watches) watch.pauseWait();
    try {
      const update = await this.#load(response, watches);
      if (!isCurrent()) return undefined;
      for (const watch of watches) await watch.take(update);
      return undefined;
    } catch (error) {
      if (!isCurrent()) return undefined;
      for (const watch of watches) watch.reject();
      const isExpected = error instanceof UpdateRefused || error instanceof ConfigurationError;
      const told = isExpected ? refusalOf(error) : ((error as Error).stack ?? String(error));
      this.#options.log.warning('config', `gRPC config for ${response.typeUrl} rejected: ${told}`);
      return refusalOf(error);
    } finally {
      for (const watch of watches) watch.resumeWait();
    }
  }

  async #load(response: DiscoveryResponse, [watch]: readonly Watch[]): Promise<Update> {
    const { typeUrl, version, removed, resources } = response;
    const missing = resources.find(resource => resource.isMissing);
    if (missing !== undefined && watch?.interest.within === undefined)
      throw new UpdateRefused(`${missing.name}: there is no resource in its envelope`);
    const here = resources.filter(resource => !resource.isMissing);
    const stranger = here.find(resource => resource.typeUrl !== typeUrl);
    if (stranger !== undefined) {
      const reason = `type URL ${stranger.typeUrl} embedded in an individual Any does not match the message-wide type URL`;
      throw new UpdateRefused(`${reason} ${typeUrl} in DiscoveryResponse`);
    }
    // Nobody has asked since: there is nothing to take.
    if (watch === undefined) return { version, resources: [], refused: [] };
    const messages = here.map(({ bytes }) => bytes);
    const isWithin = watch.interest.within !== undefined;
    // What is within a space is known by its envelope alone.
    const names = isWithin ? { names: here.map(({ name }) => name) } : {};
    const update = await this.#options.loader.load(watch.interest, { messages, ...names });
    const answered = isWithin && { answered: resources.flatMap(({ name, aliases = [] }) => [name, ...aliases]) };
    return { ...withVersions(update, response), version, ...(removed && { removed }), ...answered };
  }

  #kindOf(typeName: string): Kind {
    const typeUrl = prefix + typeName;
    const known = this.#kinds.get(typeUrl);
    if (known !== undefined) return known;
    const state = this.#options.delta ? new DeltaState(typeUrl) : new WorldState(typeUrl);
    const kind: Kind = { typeUrl, state, watches: new Set(), pauses: 0, pending: false };
    this.#kinds.set(typeUrl, kind);
    return kind;
  }

  /** Once all is done that is being done now: watches come many at a time. */
  #say(kind: Kind, first = false): void {
    kind.pending = true;
    if (first) this.#queue = [kind, ...this.#queue.filter(other => other !== kind)];
    else if (!this.#queue.includes(kind)) this.#queue.push(kind);
    this.#flush ??= setImmediate(() => this.#sayAll());
  }

  #sayAll(): void {
    this.#flush = undefined;
    if (!this.#stream.isOpen) return;
    const queue = this.#queue.filter(({ pauses }) => pauses === 0);
    this.#queue = [];
    for (const kind of queue) this.#sayPending(kind);
  }

  #sayPending(kind: Kind): void {
    kind.pending = false;
    const names = namesOf(kind.watches);
    const node = this.#nodeTold && this.#options.nodeOnFirstMessageOnly ? undefined : this.#options.node;
    // Each answer is said on its own.
    for (let isFirst = true; isFirst || this.#options.delta; isFirst = false) {
      const request = kind.state.next(names, node);
      if (request === undefined) return;
      this.#nodeTold = true;
      this.#stream.send(request);
    }
  }
}

function namesOf(watches: ReadonlySet<Watch>): Names {
  const named = new Set<string>();
  let all = false;
  for (const { names } of watches) {
    if (names === undefined) all = true;
    else for (const name of names) named.add(name);
  }
  return { all, named };
}

/** Where each resource has a version of its own. */
function withVersions(update: Update, { resources }: DiscoveryResponse): Update {
  const versions = new Map(resources.flatMap(({ name, version }) => (version === undefined ? [] : [[name, version]])));
  if (versions.size === 0) return update;
  return { ...update, resources: update.resources.map(one => ({ ...one, version: versions.get(one.name) })) };
}
