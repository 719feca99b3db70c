import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { originsOf, replicaAddress } from './addresses.ts';
import type { AgentClient } from './agent/client.ts';
import { loadPackedWorkshop } from './class/content.ts';
import { PlannedClass } from './class/planned-class.ts';
import { lockDataFolder } from './data-lock.ts';
import { messageOf, StartError } from './errors.ts';
import { Authenticator, monthSeconds } from './http/auth.ts';
import { OpenIdConnect } from './http/openid-connect.ts';
import { originPolicy } from './http/origin.ts';
import { startHttp } from './http/server.ts';
import { TryLimit } from './http/try-limit.ts';
import type { Workshop } from './labs/content.ts';
import { lessonPage, outline, slideDeck } from './labs/pages.ts';
import { ContentError } from './labs/problems.ts';
import { loadCachedWorkshop } from './labs/workshop-cache.ts';
import { createLog, type Log } from './log.ts';
import { Readiness } from './operations/readiness.ts';
import { ServerMetrics } from './operations/server-metrics.ts';
import { troubleOf, tryUntilUsable } from './operations/trial.ts';
import type { Provider, ProviderReport, TellProgress } from './providers/provider.ts';
import { joinReplicas } from './replicas/join.ts';
import { loadSecrets, makeDataFolder } from './secrets.ts';
import { Capacity } from './sessions/capacity.ts';
import { Classroom } from './sessions/classroom.ts';
import { creationsAtOnce, defaultCapacity, sandboxLimits } from './sessions/limits.ts';
import { OwnPlaces } from './sessions/places.ts';
import { Removals } from './sessions/removals.ts';
import { Saving } from './sessions/saving.ts';
import type { SandboxServices } from './sessions/services.ts';
import { SharedPlaces } from './sessions/shared-places.ts';
import { WarmPool } from './sessions/warm-pool.ts';
import { isAlone, type Settings } from './settings.ts';
import { databaseOf } from './store/database.ts';
import { openStore } from './store/kysely-store.ts';
import type { Store } from './store/store.ts';
import { StoreUnavailable } from './store/unavailable.ts';

const trialMs = 5_000;
/** How long an end waits for a database that is away. */
const savingMs = 5_000;

export type ChooseProvider = (settings: Settings, owner: string | null) => Promise<Provider>;

/** A server that answers. */
export interface Running {
  port: number;
  learnerUrl: string;
  instructorUrl: string;
  /** Every address that browsers may use, the best first. */
  origins: string[];
  /** What learners type to join; null where one is alone. */
  code: string | null;
  /** What the machine can do; resolves once it was tried. */
  report: Promise<ProviderReport>;
  /** Ends it; `keep` lets the sandboxes live for the next server. */
  close(keep: boolean): Promise<void>;
}

/**
 * Starts the lab server.
 *
 * @param tell told what is being made ready once the server answers
 * @param waitsMs before what failed is tried again, each time the next of them; those of each kind of failure where not given
 * @throws StartError in words for the terminal
 */
export async function serve(
  settings: Settings,
  chooseProvider: ChooseProvider,
  tell: TellProgress = () => {},
  waitsMs?: readonly number[],
): Promise<Running> {
  await makeDataFolder(settings.data);
  // Servers of one database are kept apart by it.
  const unlock = settings.databaseUrl === null ? await lockDataFolder(settings) : () => {};
  try {
    return await serveLocked(settings, chooseProvider, { unlock, tell, waitsMs });
  } catch (error) {
    unlock();
    throw error instanceof StoreUnavailable ? new StartError('The database does not answer.') : error;
  }
}

async function serveLocked(
  settings: Settings,
  chooseProvider: ChooseProvider,
  { unlock, tell, waitsMs }: { unlock: () => void; tell: TellProgress; waitsMs: readonly number[] | undefined },
): Promise<Running> {
  const log = createLog(settings.logLevel, settings.logFormat);
  const organisation = organisationOf(settings, log);
  const shared = settings.databaseUrl !== null;
  const [newest, own, store] = await Promise.all([
    readWorkshop(settings, log),
    shared ? null : chooseProvider(settings, null),
    openStore(await databaseOf(settings)),
  ]);
  const secrets = await loadSecrets(store, settings);
  const provider = own ?? (await chooseProvider(settings, secrets.owner));
  await store.removeOldAuthSessions(Date.now() - monthSeconds * 1000);
  const alone = isAlone(settings);
  const workshop = await contentOfClass(newest, store, settings.data, log);
  let { port } = settings;
  const origin = () => originsOf(settings, port)[0] ?? '';
  const membership = await joinReplicas(settings, store, secrets.replicas, log);
  const { replicas } = membership;
  const maximum = settings.maximumSandboxes ?? defaultCapacity(settings);
  const shares = shared ? new SharedPlaces({ store: store.places, replicas, log, maximum }) : null;
  const places = shares ?? new OwnPlaces(maximum);
  const saving = new Saving(log);
  const metrics = new ServerMetrics();
  const removals = new Removals(log, waitsMs);
  const readiness = new Readiness({ store, provider, data: settings.data, log });
  const services = sandboxServices(settings, {
    workshop,
    store,
    provider,
    places,
    log,
    replicas,
    saving,
    metrics,
    removals,
  });
  const codeName = alone ? 'aloneCode' : 'classCode';
  const planned = await PlannedClass.open({
    ...{ store: store.class, replicas, log, codeName, code: secrets[codeName], labs: settings.labs },
    ...{ revision: workshop.revision, newestRevision: newest.revision, warm: settings.warm },
    maximumSandboxes: () => places.maximum,
  });
  const joinUrl = () => `${origin()}/#code=${planned.code}`;
  const pool = new WarmPool(services, () => planned.poolSize());
  if (shares) shares.makeRoom = () => pool.makeRoom();
  const classroom = await Classroom.open({ ...services, pool }, planned, joinUrl);
  metrics.watch({
    rows: () => classroom.rows(),
    queueLength: () => places.waiting,
    spares: () => pool.size,
    hanging: () => removals.hanging,
  });
  let closeHttp = async () => {};
  const giveUp = async (error: unknown): Promise<never> => {
    await closeHttp();
    await classroom.close(true);
    await membership.close();
    await store.close();
    metrics.close();
    throw error;
  };
  const http = await startHttp(
    settings,
    {
      ...{ classroom, replicas, store, log, alone, instructorSecret: secrets.instructor, publicOrigin: origin },
      ...{ metrics, readiness },
      byCode: settings.signIn === 'any',
      organisation,
      authenticator: new Authenticator(store, {
        port: () => publicPort(settings) ?? port,
        secure: settings.publicUrl?.protocol === 'https:',
      }),
      policy: originPolicy(settings),
      tries: new TryLimit(),
    },
    pagesOf(workshop),
  ).catch(giveUp);
  closeHttp = http.close;
  port = http.port;
  await membership
    .start(replicaAddress(settings, port), {
      take: learner => classroom.take(learner),
      lose: async learner => {
        http.leave(learner);
        await classroom.lose(learner);
      },
      changed: change => classroom.changed(change),
      held: learners => classroom.held(learners),
    })
    .catch(giveUp);
  planned.start(classroom);
  let warmed = Promise.resolve();
  const ending = new AbortController();
  const tried = (found: ProviderReport): ProviderReport => {
    readiness.tried(found.usable);
    if (found.usable) {
      places.limit(found.maximumSandboxes);
      warmed = pool.start();
    }
    classroom.setTrouble(troubleOf(found));
    return found;
  };
  const report = settle(provider, classroom, log, tell).then(tried);
  const settled = report.then(async first => {
    if (first.usable) return;
    const later = await tryUntilUsable(first, { provider, log, signal: ending.signal, waitsMs });
    if (!later) return;
    tried(later);
    await classroom.endStrays();
  });
  return {
    port,
    learnerUrl: joinUrl(),
    instructorUrl: `${origin()}/instructor#secret=${secrets.instructor}`,
    origins: originsOf(settings, port),
    code: alone ? null : planned.code,
    report,
    close: once(async keep => {
      readiness.end();
      ending.abort();
      await planned.stop();
      classroom.stopLooking();
      await http.close();
      // A trial is let end; what takes longer, as the making of an image, is broken off.
      await Promise.race([settled, delay(trialMs, undefined, { ref: false })]);
      await classroom.close(keep);
      await warmed;
      await pool.close(keep);
      places.close();
      removals.close();
      await saving.close(savingMs);
      await membership.close();
      await store.close();
      metrics.close();
      unlock();
    }),
  };
}

/** @throws StartError where the settings do not go together */
function organisationOf({ oidc, signIn }: Settings, log: Log): OpenIdConnect | null {
  const { issuer, clientId } = oidc;
  if (issuer === null && signIn === 'oidc')
    throw new StartError('--sign-in oidc needs an issuer.', 'Name it with --oidc-issuer URL.');
  if (issuer === null) return null;
  if (clientId === '')
    throw new StartError(
      '--oidc-issuer needs a client.',
      'Register this workshop there, and name it with --oidc-client-id.',
    );
  return new OpenIdConnect({ ...oidc, issuer }, log);
}

/** Whoever calls again waits for the same end. */
function once(close: (keep: boolean) => Promise<void>): (keep: boolean) => Promise<void> {
  let closing: Promise<void> | null = null;
  return keep => {
    closing ??= close(keep);
    return closing;
  };
}

/** The port that browsers see, where a proxy stands before the server. */
function publicPort({ publicUrl }: Settings): number | null {
  if (publicUrl === null) return null;
  return Number(publicUrl.port) || (publicUrl.protocol === 'https:' ? 443 : 80);
}

type Base = Pick<
  SandboxServices,
  'workshop' | 'store' | 'provider' | 'places' | 'log' | 'replicas' | 'saving' | 'metrics' | 'removals'
>;

function sandboxServices(settings: Settings, base: Base): SandboxServices {
  return {
    ...base,
    creating: new Capacity(creationsAtOnce(base.provider.name)),
    limits: sandboxLimits(settings),
    orphanTimeoutSeconds: settings.orphanTimeout,
    idleMs: settings.idleTimeout * 60_000,
    connectAgent,
  };
}

/** What need not be done before the server answers: sandboxes of an earlier server, and what this machine can do. */
async function settle(
  provider: Provider,
  classroom: Classroom,
  log: Log,
  progress: TellProgress,
): Promise<ProviderReport> {
  try {
    await classroom.findSandboxes();
  } catch (error) {
    log.error('what an earlier server left could not be removed', { error: error as Error });
  }
  return provider.probe(progress);
}

async function connectAgent(stream: Duplex): Promise<AgentClient> {
  const { AgentClient } = await import('./agent/client.ts');
  return AgentClient.connect(stream);
}

async function readWorkshop({ labs, data }: Settings, log: Log): Promise<Workshop> {
  const notKept = (error: Error) =>
    log.warn('the loaded workshop could not be kept for the next start', { cause: error.message });
  try {
    return await loadCachedWorkshop(labs, join(data, 'workshop.cache'), notKept);
  } catch (error) {
    if (error instanceof ContentError) throw new StartError(error.message, 'npm run -s labs -- lint shows the same.');
    throw new StartError(
      `the workshop in ${labs} cannot be read: ${(error as Error).message}`,
      'Name its folder with --labs FOLDER.',
    );
  }
}

/** The content with which the class began; where it has none of its own, or this version cannot read it, the newest. */
async function contentOfClass(newest: Workshop, store: Store, data: string, log: Log): Promise<Workshop> {
  const kept = await store.class.content();
  if (kept === null || kept.revision === newest.revision) return newest;
  try {
    const workshop = await loadPackedWorkshop(kept.packed, kept.revision, data);
    log.warn('the class goes on with the content that it began with; the labs folder has other content', {
      revision: kept.revision,
    });
    return workshop;
  } catch (error) {
    log.error('the content that the class began with cannot be read: it goes on with that of the labs folder', {
      revision: kept.revision,
      cause: messageOf(error),
    });
    return newest;
  }
}

function pagesOf(workshop: Workshop) {
  return { outline: outline(workshop), slides: slideDeck(workshop), lesson: (id: string) => lessonPage(workshop, id) };
}
