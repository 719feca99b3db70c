import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { LearnerRow } from '../api.ts';
import { messageOf, UnicornError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ReplicaRecord, ReplicaStore } from '../store/replica-store.ts';
import { StoreUnavailable } from '../store/unavailable.ts';
import { Peers } from './peers.ts';
import type { Change, PeerConnection, ReplicaListener, Replicas } from './replicas.ts';
import { answerTo, isSealed, seal, sealHeader } from './seal.ts';

const leaseMs = 5000;
const beatMs = 1000;
/** Beats between two looks for what nobody looks after. */
const lookEvery = 5;
/** A server that does not answer is given so long to be heard of in the store. */
const graceMs = 2500;
const watchMs = 150;
/** Who did not run for so long may have been buried meanwhile: less than the grace that the others give. */
const stillMs = 1500;
const tickMs = 500;
const patienceMs = 10_000;
/** A message of the channel has less than 8000 bytes. */
const idsAtOnce = 200;

export interface ReplicaOptions {
  store: ReplicaStore;
  /** Shared by all servers of the class. */
  secret: string;
  log: Log;
  /** Tells the others. @throws when it was not told */
  say(text: string): Promise<void>;
}

/**
 * One of several servers of a class. A session is taken by a row in the store and given back with the row of its server. A server renews its row every
 * second; who finds that another neither answers nor renews buries it, which frees its sessions. A database that is away for everybody moves nothing:
 * a server that answers is left alone, whatever its row says.
 */
export class Replica implements Replicas {
  readonly alone = false;
  readonly id = randomBytes(8).toString('hex');
  readonly #options: ReplicaOptions;
  readonly #peers: Peers;
  readonly #listener = Promise.withResolvers<ReplicaListener>();
  /** Sessions that live here or are being opened; true when it was got. */
  readonly #taken = new Map<string, Promise<boolean>>();
  readonly #owned = new Set<string>();
  readonly #burials = new Map<string, Promise<void>>();
  readonly #holders = new Map<string, ReplicaRecord>();
  readonly #unsaved = new Map<string, LearnerRow>();
  #address = '';
  #beats = 0;
  #timer: NodeJS.Timeout | null = null;
  #beating: Promise<void> = Promise.resolve();
  #saving: Promise<void> = Promise.resolve();
  #leaving = false;
  #awakeMs = performance.now();
  #ticker: NodeJS.Timeout | null = null;
  /** While it is not known whether this server was taken for gone. */
  #doubt: Promise<void> = Promise.resolve();
  #unsaid = false;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#peers = new Peers(options.secret);
  }

  /** Joins the others. @param address where they reach this one */
  async start(address: string, listener: ReplicaListener): Promise<void> {
    this.#address = address;
    await this.#options.store.register(this.id, address, leaseMs);
    // Whoever listened there before is gone.
    for (const other of await this.#options.store.replicas())
      if (other.address === address && other.id !== this.id) await this.#options.store.bury(other.id);
    this.#listener.resolve(listener);
    this.#awakeMs = performance.now();
    this.#ticker = setInterval(() => this.#awake(), tickMs).unref();
    this.#beat();
  }

  /** Gives all sessions back. Call it when they are closed. */
  async close(): Promise<void> {
    this.#leaving = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#ticker) clearInterval(this.#ticker);
    await Promise.all([this.#beating, this.#doubt]);
    try {
      await this.#saveRows();
      await this.#options.store.bury(this.id);
    } catch (error) {
      this.#options.log.warn('the leases were not given back; they end by themselves', { cause: messageOf(error) });
    }
  }

  owns(learner: string): boolean {
    return this.#owned.has(learner);
  }

  async has(learner: string): Promise<boolean> {
    this.#awake();
    await this.#doubt;
    return (await this.#taken.get(learner)) ?? false;
  }

  async reach(learner: string): Promise<PeerConnection | null> {
    const until = performance.now() + patienceMs;
    while (performance.now() < until) {
      if (await this.has(learner)) return null;
      const holder = await this.#holderOf(learner);
      if (!holder || holder.id === this.id) {
        if (await this.#take(learner)) return null;
        // Either another was quicker, or this one was taken for gone.
        await this.#renew();
        await delay(watchMs, undefined, { ref: false });
      } else if (await this.#peers.answers(holder)) {
        const socket = await this.#peers.connect(holder);
        const { secret } = this.#options;
        if (socket) return { socket, seal: (method, path) => seal(secret, holder.id, method, path) };
      } else await this.#bury(holder);
    }
    throw new UnicornError(
      'unavailable',
      'The server that has this session does not answer.',
      'Try again in a moment.',
    );
  }

  /** While the database is away, the one that was last known. */
  async #holderOf(learner: string): Promise<ReplicaRecord | null> {
    try {
      const holder = await this.#options.store.holderOf(learner);
      if (holder && holder.id !== this.id) this.#holders.set(learner, holder);
      else this.#holders.delete(learner);
      return holder;
    } catch (error) {
      const known = this.#holders.get(learner);
      if (known && error instanceof StoreUnavailable) return known;
      throw error;
    }
  }

  isForwarded(request: IncomingMessage): boolean {
    const { method = '', url = '', headers } = request;
    return isSealed(this.#options.secret, this.id, headers[sealHeader], method, url);
  }

  greet(request: IncomingMessage): string | null {
    if (!this.isForwarded(request)) return null;
    return answerTo(this.#options.secret, String(request.headers[sealHeader]));
  }

  forget(learner: string): void {
    this.#taken.delete(learner);
    this.#owned.delete(learner);
    this.#holders.delete(learner);
    this.#unsaved.delete(learner);
  }

  tell(change: Change): void {
    this.#options.say(JSON.stringify({ from: this.id, ...change })).catch(() => {
      this.#unsaid = true;
    });
  }

  /** Hears what a server told; what it told itself is no news. */
  async hear(text: string): Promise<void> {
    const { from, ...change } = JSON.parse(text) as Change & { from: string };
    if (from !== this.id) await (await this.#listener.promise).changed(change as Change);
  }

  /** Something may not have been heard. */
  async missed(): Promise<void> {
    await (await this.#listener.promise).changed({ kind: 'all' });
  }

  share(rows: LearnerRow[]): void {
    for (const row of rows) this.#unsaved.set(row.id, row);
    this.#saveRows().catch(error => this.#options.log.debug('rows of the map wait', { cause: messageOf(error) }));
  }

  async count(): Promise<number> {
    return (await this.#options.store.replicas()).length;
  }

  #take(learner: string): Promise<boolean> {
    if (this.#leaving) throw new UnicornError('unavailable', 'This server ends.', 'Try again in a moment.');
    const known = this.#taken.get(learner);
    if (known) return known;
    const taking = this.#open(learner);
    this.#taken.set(learner, taking);
    return taking;
  }

  async #open(learner: string): Promise<boolean> {
    try {
      const listener = await this.#listener.promise;
      if (!(await this.#options.store.takeSession(learner, this.id))) return false;
      await listener.take(learner);
      this.#owned.add(learner);
      return true;
    } finally {
      if (!this.#owned.has(learner)) this.#taken.delete(learner);
    }
  }

  /** Waits until the store shows that it is gone, then ends its leases; returns early when it lives after all or has left by itself. */
  #bury(replica: ReplicaRecord): Promise<void> {
    const known = this.#burials.get(replica.id);
    if (known) return known;
    const burial = this.#watch(replica).finally(() => this.#burials.delete(replica.id));
    this.#burials.set(replica.id, burial);
    return burial;
  }

  async #watch({ id, address, untilMs, expired }: ReplicaRecord): Promise<void> {
    const { store, log } = this.#options;
    const until = performance.now() + (expired ? 0 : graceMs);
    while (performance.now() < until) {
      await delay(watchMs, undefined, { ref: false });
      if (this.#leaving) return;
      const now = (await store.replicas()).find(replica => replica.id === id);
      if (now?.untilMs !== untilMs) return;
    }
    if (await store.bury(id, untilMs))
      log.warn('a server of this class is gone; its sessions go on in the others', { address });
  }

  #beat(): void {
    this.#beating = this.#live()
      .catch(error => this.#options.log.debug('not renewed', { cause: messageOf(error) }))
      .finally(() => {
        if (this.#leaving) return;
        this.#timer = setTimeout(() => this.#beat(), beatMs);
        this.#timer.unref();
      });
  }

  async #live(): Promise<void> {
    await this.#renew();
    if (this.#unsaid) {
      await this.#options.say(JSON.stringify({ from: this.id, kind: 'all' }));
      this.#unsaid = false;
    }
    await this.#saveRows();
    if (this.#beats++ % lookEvery === 0) await this.#look();
  }

  /** A process that stood still and goes on asks the store before it trusts what it knows. */
  #awake(): void {
    const now = performance.now();
    const stoodStill = now - this.#awakeMs > stillMs;
    this.#awakeMs = now;
    if (!stoodStill || this.#ticker === null || this.#leaving) return;
    this.#doubt = this.#renew().catch(error => this.#options.log.debug('not renewed', { cause: messageOf(error) }));
  }

  async #renew(): Promise<void> {
    const { store, log } = this.#options;
    if (await store.renew(this.id, leaseMs)) return;
    log.warn('another server took this one for gone: its sessions are left to the others');
    const lost = [...this.#owned];
    this.#owned.clear();
    this.#taken.clear();
    await store.register(this.id, this.#address, leaseMs);
    const { lose } = await this.#listener.promise;
    await Promise.all(lost.map(learner => lose(learner)));
  }

  /** Takes over what servers that are gone have left. */
  async #look(): Promise<void> {
    const { store, log } = this.#options;
    for (const replica of await store.replicas())
      if (replica.expired && replica.id !== this.id && !(await this.#peers.answers(replica))) await this.#bury(replica);
    for (const learner of await store.abandoned()) {
      if (this.#leaving) return;
      await this.#take(learner).catch(error => log.warn('a session was not taken over', { cause: messageOf(error) }));
    }
    (await this.#listener.promise).held(new Set(await store.held()));
  }

  /** One after the other, so that the newest stays. */
  #saveRows(): Promise<void> {
    const saving = this.#saving.then(() => this.#saveNow());
    this.#saving = saving.catch(() => {});
    return saving;
  }

  async #saveNow(): Promise<void> {
    const rows = [...this.#unsaved.values()];
    if (rows.length === 0) return;
    this.#unsaved.clear();
    try {
      await this.#options.store.saveRows(rows);
    } catch (error) {
      for (const row of rows) if (!this.#unsaved.has(row.id)) this.#unsaved.set(row.id, row);
      throw error;
    }
    const ids = rows.map(({ id }) => id);
    for (let at = 0; at < ids.length; at += idsAtOnce) this.tell({ kind: 'rows', ids: ids.slice(at, at + idsAtOnce) });
  }
}
