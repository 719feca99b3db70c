import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { originsOf } from './addresses.ts';
import { StartError } from './errors.ts';
import { Authenticator } from './http/auth.ts';
import { originPolicy } from './http/origin.ts';
import { startHttp } from './http/server.ts';
import { TryLimit } from './http/try-limit.ts';
import type { Workshop } from './labs/content.ts';
import { ContentError } from './labs/problems.ts';
import { lessonPage, loadWorkshop, outline, slideDeck } from './labs/workshop.ts';
import { createLog, type Log } from './log.ts';
import type { Provider, ProviderReport } from './providers/provider.ts';
import { loadSecrets, makeDataFolder } from './secrets.ts';
import { Capacity } from './sessions/capacity.ts';
import { Classroom } from './sessions/classroom.ts';
import { defaultCapacity, sandboxLimits } from './sessions/limits.ts';
import { isAlone, type Settings } from './settings.ts';
import { openStore } from './store/kysely-store.ts';
import { sqliteDialect } from './store/sqlite.ts';

/** A server that answers. */
export interface Running {
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

/** Starts the lab server. @throws StartError in words for the terminal */
export async function serve(
  settings: Settings,
  chooseProvider: (settings: Settings) => Promise<Provider>,
): Promise<Running> {
  const log = createLog(settings.logLevel);
  await makeDataFolder(settings.data);
  const [secrets, workshop, store, provider] = await Promise.all([
    loadSecrets(settings.data),
    readWorkshop(settings.labs),
    openStore(sqliteDialect(join(settings.data, 'unicorn.sqlite'))),
    chooseProvider(settings),
  ]);
  const alone = isAlone(settings);
  const code = alone ? secrets.aloneCode : secrets.classCode;
  const capacity = new Capacity(settings.maximumSandboxes ?? defaultCapacity(settings));
  let port = settings.port;
  const origins = () => originsOf(settings, port);
  const joinUrl = () => `${origins()[0]}/#code=${code}`;
  const services = {
    ...{ workshop, store, provider, capacity, log, limits: sandboxLimits(settings) },
    orphanTimeoutSeconds: settings.orphanTimeout,
    idleMs: settings.idleTimeout * 60_000,
    connectAgent,
    serverId: randomUUID(),
  };
  const classroom = await Classroom.open(services, () => ({ joinUrl: joinUrl(), code }));
  const secure = settings.publicUrl?.protocol === 'https:';
  const context = {
    ...{ classroom, store, log, alone, code },
    authenticator: new Authenticator(store, { port: () => port, secure }),
    policy: originPolicy(settings),
    tries: new TryLimit(),
    instructorSecret: secrets.instructor,
    publicOrigin: () => origins()[0] ?? '',
  };
  const http = await startHttp(settings, context, pagesOf(workshop)).catch(async error => {
    await classroom.close(true);
    await store.close();
    throw error;
  });
  port = http.port;
  const report = settle(provider, classroom, capacity, log);
  return {
    learnerUrl: joinUrl(),
    instructorUrl: `${origins()[0]}/instructor#secret=${secrets.instructor}`,
    origins: origins(),
    code: alone ? null : code,
    report,
    close: async keep => {
      await http.close();
      await classroom.close(keep);
      await store.close();
    },
  };
}

/** What need not be done before the server answers: sandboxes of an earlier server, and what this machine can do. */
async function settle(provider: Provider, classroom: Classroom, capacity: Capacity, log: Log): Promise<ProviderReport> {
  try {
    await classroom.findSandboxes();
  } catch (error) {
    log.error('sandboxes of an earlier server could not be looked for', { error: error as Error });
  }
  const report = await provider.probe();
  if (report.usable) capacity.limit(report.maximumSandboxes);
  return report;
}

async function connectAgent(stream: import('node:stream').Duplex) {
  const { AgentClient } = await import('./agent/client.ts');
  return AgentClient.connect(stream);
}

async function readWorkshop(folder: string): Promise<Workshop> {
  try {
    return await loadWorkshop(folder);
  } catch (error) {
    if (error instanceof ContentError) throw new StartError(error.message, 'npm run -s labs -- lint shows the same.');
    throw new StartError(`the workshop in ${folder} cannot be read: ${(error as Error).message}`);
  }
}

function pagesOf(workshop: Workshop) {
  return { outline: outline(workshop), slides: slideDeck(workshop), lesson: (id: string) => lessonPage(workshop, id) };
}
