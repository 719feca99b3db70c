/** What each path of the admin interface does. */
import type { Sinks } from '../access-log/sink.ts';
import type { AdminSource, ListenerStatus } from '../admin-source.ts';
import type { Runtime } from '../configuration/runtime.ts';
import type { Log } from '../log.ts';
import type { StatsStore } from '../stats/store.ts';
import { addressTextAsJson } from './addresses.ts';
import { handleCerts } from './certs.ts';
import { handleClusters } from './clusters.ts';
import { handleConfigDump } from './config-dump.ts';
import { endpointsOf, helpText } from './endpoints.ts';
import { type ExplainSource, handleExplain } from './explain.ts';
import { homePage } from './home.ts';
import { handleLogging } from './logging.ts';
import { type AdminReply, type AdminRequest, html, json, text } from './reply.ts';
import { handleMemory, handleServerInfo, nodeOf, type ProcessFacts } from './server-info.ts';
import { handleStats } from './stats/handler.ts';

/** All that the admin interface shows and touches. */
export interface AdminContext {
  source: AdminSource;
  stats: StatsStore;
  log: Log;
  sinks: Sinks;
  runtime: Runtime;
  facts: ProcessFacts;
  /** Brings up to date what is only measured now and then. */
  refreshStats(flush: boolean): void;
  /** Undefined: no request is explained. */
  explains: ExplainSource | undefined;
  /** Brings together what several workers know, before it is told. */
  collect?: (() => Promise<void>) | undefined;
  /** Something was asked of the proxy that other workers may have to do, too. */
  onAsked?: ((path: string) => void) | undefined;
  /** Ends the process. */
  quit(): void;
}

type Handler = (context: AdminContext, request: AdminRequest) => AdminReply | Promise<AdminReply>;

/** Lookups of stats by name are not tracked: there are none while traffic flows. */
const lookups = 'Lookup tracking is not enabled. Use /stats/recentlookups/enable to enable.\n\ntotal: 0\n';

const done: AdminReply = text('OK\n');

const handlers: Record<string, Handler> = {
  '/': ({ explains }) => html(homePage(endpointsOf(explains !== undefined))),
  '/help': ({ explains }) => text(helpText(endpointsOf(explains !== undefined))),
  '/certs': ({ source }) => handleCerts(source.certificates()),
  '/clusters': ({ source }, { query }) => handleClusters(source, query),
  '/config_dump': ({ facts, source }, { query }) =>
    handleConfigDump(
      {
        document: { ...facts.document, node: nodeOf(facts) },
        loadedAt: facts.startedAt,
        dynamic: source.dynamicResources(),
      },
      query,
    ),
  '/contention': () =>
    text('Mutex contention tracing is not enabled. To enable, run Envoy with flag --enable-mutex-tracing.\n'),
  '/drain_listeners': ({ source }, { query }) => {
    source.drainListeners(query.has('graceful'));
    return done;
  },
  '/explain': (context, { query }) =>
    context.explains === undefined ? invalidPath(context) : handleExplain(context.explains, query),
  '/healthcheck/fail': ({ source }) => {
    source.setHealthcheckFailed(true);
    return done;
  },
  '/healthcheck/ok': ({ source }) => {
    source.setHealthcheckFailed(false);
    return done;
  },
  '/hot_restart_version': () => text('disabled\n'),
  '/init_dump': () => json({}),
  '/listeners': ({ source }, { query }) => listeners([...source.listeners()], query),
  '/logging': ({ log }, { query }) => handleLogging(log, query),
  '/memory': ({ facts }) => handleMemory(facts),
  '/quitquitquit': ({ quit }) => {
    quit();
    return done;
  },
  '/ready': ({ source }) => text(`${source.state}\n`, source.state === 'LIVE' ? 200 : 503),
  '/reopen_logs': ({ sinks, log }) => {
    sinks.reopenAll();
    log.reopen();
    return done;
  },
  '/reset_counters': ({ stats }) => {
    stats.resetCounters();
    return done;
  },
  '/runtime': ({ runtime }) => json(runtime.dump()),
  '/runtime_modify': ({ runtime }, { query }) => modifyRuntime(runtime, query),
  '/server_info': ({ source, facts }) => handleServerInfo(source, facts),
  '/stats': ({ stats, refreshStats }, { query }) => {
    refreshStats(false);
    return handleStats(stats, query);
  },
  '/stats/recentlookups': () => text(lookups),
  '/stats/recentlookups/clear': () => done,
  '/stats/recentlookups/disable': () => done,
  '/stats/recentlookups/enable': () => done,
  '/stats/prometheus': ({ stats, refreshStats }, { query }) => {
    refreshStats(false);
    return handleStats(stats, query, true);
  },
};

const runtimeUsage =
  'usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN\n' +
  '       or send the parameters as form values\n' +
  'use an empty value to remove a previously added override';

function modifyRuntime(runtime: Runtime, query: URLSearchParams): AdminReply {
  if ([...query].length === 0) return text(runtimeUsage, 400);
  if (runtime.modify(query)) return done;
  return text('No admin layer specified', 503);
}

function listeners(all: readonly ListenerStatus[], query: URLSearchParams): AdminReply {
  if (query.get('format') !== 'json') return text(all.map(listenerAsText).join(''));
  return json(all.length === 0 ? {} : { listener_statuses: all.map(listenerAsJson) });
}

const listenerAsText = ({ name, address, additionalAddresses }: ListenerStatus): string =>
  [address, ...additionalAddresses].map(one => `${name}::${one}\n`).join('');

function listenerAsJson({ name, address, additionalAddresses }: ListenerStatus): object {
  const more = additionalAddresses.map(addressTextAsJson);
  const additional = more.length > 0 && { additional_local_addresses: more };
  return { name, local_address: addressTextAsJson(address), ...additional };
}

/** Answers a request of a known method and path. */
export function handle(context: AdminContext, request: AdminRequest): AdminReply | Promise<AdminReply> {
  const handler = Object.hasOwn(handlers, request.path) ? handlers[request.path] : undefined;
  const reply = handler?.(context, request);
  if (request.method === 'POST') context.onAsked?.(request.path);
  return reply ?? invalidPath(context);
}

function invalidPath({ explains }: AdminContext): AdminReply {
  return text(`invalid path. ${helpText(endpointsOf(explains !== undefined))}`, 404);
}
