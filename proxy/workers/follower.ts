/** A worker beside the first one: a thread that serves what the first one tells. */

import type { MessagePort } from 'node:worker_threads';
import { ForwardedSinks } from '../access-log/forwarded-sinks.ts';
import type { GrpcLoggers } from '../access-log/grpc-logger.ts';
import type { Cluster } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { Listener } from '../api/envoy/config/listener/v3/listener_pb.js';
import type { Options } from '../command-line.ts';
import type { JsonObject } from '../configuration/json.ts';
import { deserializeDetached } from '../configuration/kept.ts';
import type { LoadedConfiguration } from '../configuration/load.ts';
import { ResourceLoader } from '../configuration/resource-loader.ts';
import { Runtime } from '../configuration/runtime.ts';
import type { DataPlane } from '../data-plane.ts';
import { eventLinesFromEnvironment } from '../events.ts';
import { Explain } from '../explain/explain.ts';
import { collectWhenIdle } from '../idle-memory.ts';
import { Log } from '../log.ts';
import { makeDataPlane } from '../make-data-plane.ts';
import { memoryUsage } from '../memory-usage.ts';
import { numberAsWorker } from '../net/connection-ids.ts';
import { ChangeTaker } from '../stats/changes.ts';
import { StatsStore } from '../stats/store.ts';
import type { Crew, Told } from './crew.ts';
import { Mailbox } from './mailbox.ts';
import type { News, Report, ToldHosts, ToldUpdate } from './news.ts';
import { ToldMemory } from './shared-memory.ts';
import { threads, type WorkerPlace } from './threads.ts';

/** What a worker starts from. */
export interface FollowerSetup {
  configuration: LoadedConfiguration;
  options: Options;
  /** Where requests are explained, `host:port` of the admin interface; '' where they are not. */
  explainedAt: string;
}

/** A resource, as workers tell of it. */
interface ToldResource<Message> {
  configuration: Message;
  document: JsonObject;
  version: string;
}

/** Serves in this thread, until the first worker ends it. */
export function follow({ proxyWorker: { index, count } }: WorkerPlace): void {
  const port = threads().parentPort;
  if (port === null) throw new Error('a worker is a thread of the proxy');
  numberAsWorker(index, count);
  const follower = new Follower(port, index, count);
  port.on('message', (news: News) => follower.hear(news));
}

class Follower {
  readonly #port: MessagePort;
  readonly #memory = new ToldMemory();
  readonly #told: Told = {
    hosts: new Mailbox<ToldHosts>(),
    resources: new Mailbox<ToldUpdate>(),
    report: report => this.#report(report),
  };
  readonly #crew: Crew;
  readonly #places = Promise.withResolvers<readonly number[]>();
  #serving: Serving | undefined;

  constructor(port: MessagePort, index: number, count: number) {
    this.#port = port;
    const first = { tell: undefined, othersServe: undefined };
    this.#crew = { index, count, memory: this.#memory, told: this.#told, ...first };
  }

  hear(news: News): void {
    switch (news.kind) {
      case 'memory':
        this.#memory.hear(news.name, news.buffer);
        break;
      case 'start':
        this.#serving = new Serving(
          deserializeDetached(news.packed) as FollowerSetup,
          this.#crew,
          this.#places.promise,
        );
        break;
      case 'hosts':
        if (news.told === undefined) this.#told.hosts.drop(news.cluster);
        else this.#told.hosts.put(news.cluster, news.told);
        break;
      case 'resources':
        this.#told.resources.put(news.subscription, deserializeDetached(news.packed) as ToldUpdate);
        break;
      case 'resources-ended':
        this.#told.resources.drop(news.subscription);
        break;
      case 'open':
        this.#places.resolve(news.places);
        break;
      default:
        this.#serving?.hear(news);
        break;
    }
  }

  #report(report: Report): void {
    this.#port.postMessage(report);
  }
}

/** What serves, once the worker knows what. */
class Serving {
  readonly #told: Told;
  readonly #log: Log;
  readonly #store = new StatsStore();
  readonly #changes = new ChangeTaker(this.#store);
  readonly #runtime: Runtime;
  readonly #sinks: ForwardedSinks;
  readonly #events = eventLinesFromEnvironment(process.env);
  readonly #loader = new ResourceLoader();
  /** Undefined: no request is explained. */
  readonly #explain: Explain | undefined;
  readonly #plane: DataPlane;
  readonly #logServices: GrpcLoggers;
  /** Listeners come and go one after the other. */
  #listeners: Promise<void> = Promise.resolve();

  constructor({ configuration, options, explainedAt }: FollowerSetup, crew: Crew, places: Promise<readonly number[]>) {
    this.#told = crew.told!;
    this.#log = new Log(options.logLevel, options.logPath);
    for (const [name, level] of options.componentLogLevels) this.#log.levels.set(name, level);
    this.#runtime = new Runtime(configuration.document, this.#store);
    this.#sinks = new ForwardedSinks((path, text, lines) =>
      this.#told.report({ kind: 'access-log', path, text, lines }),
    );
    const { explain: share } = options;
    if (share !== undefined) this.#explain = new Explain(share, configuration.document, `${crew.index}-`);
    if (this.#events !== undefined) this.#events.explainedAt = explainedAt;
    const made = makeDataPlane(configuration, options, {
      store: this.#store,
      log: this.#log,
      loader: this.#loader,
      runtime: this.#runtime,
      sinks: this.#sinks,
      events: this.#events,
      explain: this.#explain,
      crew,
    });
    this.#plane = made.plane;
    this.#logServices = made.logServices;
    collectWhenIdle();
    // What goes wrong here ends the thread, and so the proxy.
    void this.#plane.startTold(places).then(() => this.#told.report({ kind: 'opened' }));
  }

  hear(news: News): void {
    const { clusters } = this.#plane.told;
    switch (news.kind) {
      case 'cluster':
        this.#takeCluster(news.key, deserializeDetached(news.packed) as ToldResource<Cluster>);
        break;
      case 'cluster-removed':
        clusters.remove(news.name);
        break;
      case 'listener':
      case 'listener-removed':
        this.#listeners = this.#listeners.then(() => this.#takeListener(news));
        break;
      case 'runtime':
        this.#runtime.modify(news.changes);
        break;
      case 'runtime-layer':
        this.#runtime.setLayer(news.name, news.values);
        break;
      case 'healthcheck':
        this.#plane.setHealthcheckFailed(news.failed);
        break;
      case 'drain-listeners':
        this.#plane.drainListeners(news.graceful);
        break;
      case 'log-levels':
        for (const [name, level] of news.levels) this.#log.levels.set(name, level);
        break;
      case 'reopen-log':
        this.#log.reopen();
        break;
      case 'collect':
        this.#tellCounts();
        break;
      case 'stop':
        void this.#stop(news.drainMs);
    }
  }

  #takeCluster(key: string, { configuration, document, version }: ToldResource<Cluster>): void {
    try {
      this.#plane.told.clusters.update(configuration, document, version, key);
    } catch (error) {
      this.#differs(`cluster '${configuration.name}'`, error);
    }
  }

  async #takeListener(news: News & { kind: 'listener' | 'listener-removed' }): Promise<void> {
    const { listeners } = this.#plane.told;
    if (news.kind === 'listener-removed') {
      listeners.remove(news.name);
      return;
    }
    const { configuration, document, version } = deserializeDetached(news.packed) as ToldResource<Listener>;
    try {
      await listeners.update(configuration, document, version, news);
    } catch (error) {
      this.#differs(`listener '${configuration.name}'`, error);
    }
  }

  /** The first worker could use it: a file that it names is not what it was, say. This one goes on as before. */
  #differs(what: string, error: unknown): void {
    this.#log.error('config', `a worker cannot use the ${what}: ${(error as Error).message}`);
  }

  #tellCounts(): void {
    const { heapUsed, heapTotal, external } = memoryUsage();
    const hosts = this.#plane.told.clusters.all.flatMap(({ followed }) => [...(followed?.counts() ?? [])]);
    const memory = { heapUsed, heapTotal, external };
    const explained = this.#explain?.take() ?? [];
    this.#told.report({ kind: 'collected', stats: this.#changes.take(), hosts, explained, memory });
  }

  async #stop(drainMs: number): Promise<void> {
    await this.#plane.stop(drainMs);
    this.#logServices.closeAll();
    this.#events?.close();
    this.#loader.close();
    this.#sinks.flush();
    this.#told.report({ kind: 'stopped' });
  }
}
