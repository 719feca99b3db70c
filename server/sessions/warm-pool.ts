import { randomBytes } from 'node:crypto';
import { messageOf } from '../errors.ts';
import type { Sandbox } from '../providers/provider.ts';
import type { SpareRecord } from '../store/spare-store.ts';
import type { SandboxServices } from './services.ts';
import type { Spare, SparePool } from './spare.ts';

/** What could not be made, for want of a place or by a failure, is tried again after this long. */
const againMs = 5000;

/** Keeps sandboxes ready for learners to come, as far as places are free. Each belongs to one server; who gets it is decided in the store. */
export class WarmPool implements SparePool {
  readonly #services: SandboxServices;
  readonly #wanted: () => number;
  readonly #spares: Spare[] = [];
  readonly #closing = new AbortController();
  #filling: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;

  /** @param wanted how many there should be; it may change */
  constructor(services: SandboxServices, wanted: () => number) {
    this.#services = services;
    this.#wanted = wanted;
  }

  /** How many wait. */
  get size(): number {
    return this.#spares.length;
  }

  /** Takes over those of an earlier server, ends what is too much, and makes the rest. */
  async start(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    try {
      await this.#adoptAll();
    } catch (error) {
      this.#services.log.error('spare sandboxes of an earlier server could not be taken over', {
        error: error as Error,
      });
    }
    if (this.#closing.signal.aborted) return;
    this.#timer = setInterval(() => this.#fill(), againMs);
    this.#timer.unref();
    this.#fill();
  }

  async take(learner: string): Promise<Spare | null> {
    const { store, provider, log } = this.#services;
    const spare = this.#spares.shift();
    if (!spare) return null;
    const { id } = spare.sandbox;
    this.#fill();
    try {
      if (await store.spares.claim(id, learner, provider.name)) return spare;
    } catch (error) {
      // Whether it is the learner's now is not known: nobody gets it.
      log.warn('a spare sandbox could not be given', { learner, sandbox: id, cause: messageOf(error) });
    }
    await this.#end(spare);
    return null;
  }

  makeRoom(): void {
    const spare = this.#spares.pop();
    if (spare) void this.#end(spare);
  }

  /** Ends them all, or with `keep` lets them live for the next server. Where there are others, those have their own. */
  async close(keep: boolean): Promise<void> {
    this.#closing.abort(new Error('the server ends'));
    if (this.#timer) clearInterval(this.#timer);
    await this.#filling;
    const stay = keep && this.#services.replicas.alone;
    await Promise.all(this.#spares.splice(0).map(spare => (stay ? this.#leave(spare) : this.#end(spare))));
  }

  /** Makes those that are missing; those that are too many end. */
  #fill(): void {
    while (this.#spares.length > this.#wanted()) this.makeRoom();
    this.#filling ??= this.#makeMissing()
      .catch(error => this.#services.log.warn('a spare sandbox could not be made', { cause: messageOf(error) }))
      .finally(() => {
        this.#filling = null;
      });
  }

  async #makeMissing(): Promise<void> {
    const { places, replicas } = this.#services;
    while (!this.#closing.signal.aborted && this.#spares.length < this.#wanted()) {
      const name = () => randomBytes(10).toString('hex');
      const record = { id: name(), home: name(), holder: replicas.id, createdAtMs: Date.now() };
      const release = await places.takeSpare(record);
      if (release === null) return;
      try {
        await this.#make(record, release);
      } catch (error) {
        release();
        throw error;
      }
    }
  }

  /** One at a time, in the order of those who wait for theirs. */
  async #make(record: SpareRecord, release: () => void): Promise<void> {
    const { creating, store, provider, limits, orphanTimeoutSeconds } = this.#services;
    let made = () => {};
    try {
      made = await creating.acquire(this.#closing.signal, () => {});
      await store.spares.save(record);
      const { id, home } = record;
      const sandbox = await provider.create({ id, home, limits, orphanTimeoutSeconds }, () => {});
      await this.#keep(sandbox, record.createdAtMs, release);
    } catch (error) {
      await this.#forget(record);
      throw error;
    } finally {
      made();
    }
  }

  async #keep(sandbox: Sandbox, createdAtMs: number, release: () => void): Promise<void> {
    try {
      const agent = await this.#services.connectAgent(await sandbox.connect());
      const spare = { sandbox, agent, createdAtMs, release };
      this.#spares.push(spare);
      agent.closed.then(() => this.#lost(spare));
    } catch (error) {
      await sandbox.end();
      throw error;
    }
  }

  /** Its agent is gone: who waits for nobody need not be reached again. */
  #lost(spare: Spare): void {
    const index = this.#spares.indexOf(spare);
    if (index < 0) return;
    this.#spares.splice(index, 1);
    void this.#end(spare);
  }

  async #leave({ agent, release }: Spare): Promise<void> {
    agent.close();
    release();
  }

  async #end({ sandbox, agent, release }: Spare): Promise<void> {
    agent.close();
    const remove = async () => {
      await sandbox.end();
      await this.#forget(sandbox);
      release();
    };
    try {
      await remove();
    } catch (error) {
      this.#services.removals.retry({ kind: 'sandbox', id: sandbox.id, remove }, error);
    }
  }

  async #forget({ id, home }: Pick<SpareRecord, 'id' | 'home'>): Promise<void> {
    const { provider, saving, store } = this.#services;
    await provider.removeHome(home);
    await saving.save(`spare ${id}`, () => store.spares.remove(id));
  }

  async #adoptAll(): Promise<void> {
    const { store, provider, replicas } = this.#services;
    const servers = replicas.alone ? [] : (await store.replicas.replicas()).map(({ id }) => id);
    const left = (await store.spares.all()).filter(({ holder }) => !servers.includes(holder));
    if (left.length === 0) return;
    const found = await provider.find();
    for (const record of left)
      await this.#adopt(
        record,
        found.find(({ id }) => id === record.id),
      );
  }

  async #adopt(record: SpareRecord, sandbox: Sandbox | undefined): Promise<void> {
    const { places, log, replicas } = this.#services;
    const wanted = replicas.alone && this.#spares.length < this.#wanted() && !places.full;
    if (sandbox && wanted && !this.#closing.signal.aborted) {
      const release = places.take();
      try {
        return await this.#keep(sandbox, record.createdAtMs, release);
      } catch (error) {
        release();
        log.info('a spare sandbox does not answer any more', { sandbox: record.id, cause: messageOf(error) });
      }
    } else await sandbox?.end();
    await this.#forget(record);
  }
}
