import { hostname } from 'node:os';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/store.ts';
import { aloneReplicas, type ReplicaListener, type Replicas } from './replicas.ts';

/** This server's part among the servers of its class. */
export interface Membership {
  replicas: Replicas;
  /** From now on the others know of it. @param address where they reach it */
  start(address: string, listener: ReplicaListener): Promise<void>;
  /** Leaves; sessions are closed before. */
  close(): Promise<void>;
}

/** Servers of one PostgreSQL database serve one class together; with SQLite there is one. */
export async function joinReplicas(settings: Settings, store: Store, secret: string, log: Log): Promise<Membership> {
  const { databaseUrl, data } = settings;
  // The name is the same after a restart, so that a killed server's leases are one's own.
  if (databaseUrl === null)
    return { replicas: aloneReplicas(`${hostname()}:${data}`), start: async () => {}, close: async () => {} };
  const [{ Channel }, { Replica }] = await Promise.all([import('../store/channel.ts'), import('./replica.ts')]);
  const noted = (work: Promise<void>) => {
    work.catch(error => log.warn('a change at another server is not shown', { cause: messageOf(error) }));
  };
  const channel = new Channel(databaseUrl, log, {
    message: text => noted(replica.hear(text)),
    missed: () => noted(replica.missed()),
  });
  const replica = new Replica({ store: store.replicas, secret, log, say: text => channel.say(text) });
  return {
    replicas: replica,
    start: async (address, listener) => {
      await channel.open();
      await replica.start(address, listener);
      await replica.missed();
    },
    close: async () => {
      await replica.close();
      await channel.close();
    },
  };
}
