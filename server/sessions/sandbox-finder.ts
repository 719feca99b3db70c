import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { ProviderError, type Sandbox } from '../providers/provider.ts';
import type { SandboxRecord } from '../store/store.ts';
import type { LearnerSession } from './learner-session.ts';
import type { SessionServices } from './services.ts';

/** How long and how often the sandboxes of an earlier server are looked for. */
const findMs = 120_000;
const findEveryMs = 500;

/** Finds sandboxes that outlived the server that made them, for the sessions that they belong to, and ends those of nobody. */
export class SandboxFinder {
  readonly #services: SessionServices;
  readonly #ending = new AbortController();
  #finding: Promise<Sandbox[]> | null = null;

  constructor(services: SessionServices) {
    this.#services = services;
  }

  /** Ends the wait for what is away. */
  stop(): void {
    this.#ending.abort();
  }

  /** Gives the learner's session its sandbox, or tells that it is gone; nothing where `current` says that the session is over. */
  async rejoin(session: LearnerSession, record: SandboxRecord, current: () => boolean): Promise<void> {
    const sandbox = (await this.#find()).find(({ id }) => id === record.id);
    if (this.#ending.signal.aborted || !current()) return;
    if (sandbox) return session.adoptSandbox(sandbox, record);
    session.tellSandboxGone();
    await this.#services.store.removeSandbox(record.id);
  }

  /** Does so for all sessions, and removes what belongs to nobody. */
  async settle(sessionOf: (learner: string) => LearnerSession | undefined): Promise<void> {
    const { store, replicas } = this.#services;
    if (!replicas.alone) return this.#settleStrays();
    const records = await store.sandboxes();
    const rejoined = records.map(async record => {
      const session = sessionOf(record.learner);
      if (session) await this.rejoin(session, record, () => true);
      else await store.removeSandbox(record.id);
    });
    await Promise.all(rejoined);
    await this.#settleStrays();
  }

  async #settleStrays(): Promise<void> {
    const { provider, replicas } = this.#services;
    await this.endStrays();
    // What another server is making looks like something left.
    if ((await replicas.count()) <= 1 && !this.#ending.signal.aborted) await provider.sweep();
  }

  /**
   * Ends the sandboxes, and begins to remove the homes, that belong to nobody. They are looked for before records are read: those are written before
   * sandboxes are made, maybe by another server.
   */
  async endStrays(): Promise<void> {
    const { store, replicas, log, removals } = this.#services;
    // Where none is expected there is nothing to wait for.
    const expected = [...(await store.spares.all()), ...(await store.sandboxes())].length > 0;
    const found = await this.#find(expected ? findMs : 0);
    // Spares before those of learners, which is the way that they go.
    const spares = await store.spares.all();
    const known = new Set([...spares, ...(await store.sandboxes())].map(({ id }) => id));
    for (const sandbox of found) {
      // The trial of a server that starts at the same time ends by itself.
      if (known.has(sandbox.id) || (sandbox.id.startsWith('trial') && !replicas.alone)) continue;
      if (this.#ending.signal.aborted) return;
      log.info('ending a sandbox that belongs to nobody', { sandbox: sandbox.id });
      const remove = () => sandbox.end();
      await remove().catch(error => removals.retry({ kind: 'sandbox', id: sandbox.id, remove }, error));
    }
    if (!this.#ending.signal.aborted) await this.#removeStrayHomes();
  }

  /**
   * Begins to remove the homes that no record names, where the provider knows which there are. They are looked for before the records are read: those are
   * written before a home is made, maybe by another server.
   */
  async #removeStrayHomes(): Promise<void> {
    const { provider, store, log, removals } = this.#services;
    const found = (await provider.homes?.()) ?? [];
    if (found.length === 0) return;
    // Spares before those of learners, which is the way that they go.
    const [spares, sandboxes] = [await store.spares.all(), await store.sandboxes()];
    const learners = await store.learners();
    const known = new Set([
      ...[...spares, ...sandboxes].map(({ home }) => home),
      ...learners.flatMap(({ id, home }) => [id, home]),
    ]);
    // Work of people is deleted by a record that is missing, never by a database that is: another one may have been named by mistake.
    if (known.size === 0) {
      log.warn('there are homes, and the database knows nobody: they are left', {
        homes: found.length,
        remedy: 'look whether --database-url and --data are those of the class; else remove them by hand',
      });
      return;
    }
    for (const home of found) {
      if (known.has(home)) continue;
      log.info('removing a home that belongs to nobody', { home });
      const remove = () => provider.removeHome(home);
      // One that hangs takes long to be known as such: nobody waits for it.
      void remove().catch(error => removals.retry({ kind: 'home', id: home, remove }, error));
    }
  }

  /** Many sessions may be taken over at once: they look together. */
  #find(patienceMs = findMs): Promise<Sandbox[]> {
    this.#finding ??= this.#look(Date.now() + patienceMs).finally(() => {
      this.#finding = null;
    });
    return this.#finding;
  }

  /** While what the sandboxes run on is away, so are they: it is waited for. */
  async #look(giveUpMs: number): Promise<Sandbox[]> {
    const { signal } = this.#ending;
    for (;;) {
      try {
        return await this.#services.provider.find();
      } catch (error) {
        const away = error instanceof ProviderError && error.code === 'unreachable';
        if (!away || signal.aborted || Date.now() >= giveUpMs) return this.#notFound(error);
        await delay(findEveryMs, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  #notFound(error: unknown): Sandbox[] {
    this.#services.log.error('sandboxes of an earlier server could not be looked for', { cause: messageOf(error) });
    return [];
  }
}
