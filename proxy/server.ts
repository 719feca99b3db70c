/** The running proxy: data plane, admin interface, access logs and the timer that flushes stats, from start to end. */
import { writeFileSync } from 'node:fs';
import { serialize } from 'node:v8';
import type { GrpcLoggers } from './access-log/grpc-logger.ts';
import { defaultFlushIntervalMs, Sinks } from './access-log/sink.ts';
import type { AdminAddress, AdminServer } from './admin/admin-server.ts';
import type { AdminContext } from './admin/handlers.ts';
import { declareServerStats, type ProcessFacts, updateServerStats } from './admin/server-info.ts';
import type { Admin } from './api/envoy/config/bootstrap/v3/bootstrap_pb.js';
import type { Options } from './command-line.ts';
import type { Path } from './configuration/errors.ts';
import type { LoadedConfiguration } from './configuration/load.ts';
import type { Positions } from './configuration/positions.ts';
import { ResourceLoader } from './configuration/resource-loader.ts';
import { Runtime } from './configuration/runtime.ts';
import type { DataPlane } from './data-plane.ts';
import { milliseconds } from './duration.ts';
import { type EventLines, eventLinesFromEnvironment } from './events.ts';
import { Explain } from './explain/explain.ts';
import type { Log } from './log.ts';
import { makeDataPlane } from './make-data-plane.ts';
import { isPipe } from './net/pipe.ts';
import { addressText } from './net/transport.ts';
import { ChangeMerger } from './stats/changes.ts';
import { StatsStore } from './stats/store.ts';
import { StatsSinks } from './stats-sinks/stats-sinks.ts';
import type { FollowerSetup } from './workers/follower.ts';
import { Leader } from './workers/leader.ts';
import type { Report } from './workers/news.ts';

/** One proxy in this process. */
export class ProxyServer {
  readonly #configuration: LoadedConfiguration;
  readonly #options: Options;
  readonly #log: Log;
  readonly #stats = new StatsStore();
  readonly #sinks: Sinks;
  readonly #logServices: GrpcLoggers;
  readonly #runtime: Runtime;
  readonly #events: EventLines | undefined = eventLinesFromEnvironment(process.env);
  readonly #loader = new ResourceLoader();
  readonly #dataPlane: DataPlane;
  /** Undefined: no request is explained. */
  readonly #explain: Explain | undefined;
  #explainedAt = '';
  readonly #statsSinks: StatsSinks;
  readonly #facts: ProcessFacts & { heapsElsewhere: NonNullable<ProcessFacts['heapsElsewhere']> };
  readonly #leader: Leader | undefined;
  #admin: AdminServer | undefined;
  #flushTimer: NodeJS.Timeout | undefined;

  /**
   * Compiles a configuration; nothing is opened but access logs. Throws what cannot work.
   * @param workers threads that serve connections, this one included
   */
  constructor(configuration: LoadedConfiguration, options: Options, log: Log, workers = 1) {
    const { bootstrap } = configuration;
    this.#configuration = configuration;
    this.#options = options;
    this.#log = log;
    const flushIntervalMs = options.fileFlushIntervalMs ?? defaultFlushIntervalMs;
    this.#sinks = new Sinks({ flushIntervalMs, stats: this.#stats.scope('filesystem.') });
    if (workers > 1) this.#leader = this.#makeLeader(workers);
    this.#runtime = new Runtime(configuration.document, this.#stats, change => this.#leader?.tell(change));
    this.#facts = {
      ...{ options, concurrency: workers, startedAt: new Date(), heapsElsewhere: [] },
      get document() {
        return configuration.document;
      },
    };
    declareServerStats(this.#stats);
    if (options.explain !== undefined) this.#explain = new Explain(options.explain, configuration.document);
    const made = makeDataPlane(configuration, options, {
      store: this.#stats,
      log,
      loader: this.#loader,
      runtime: this.#runtime,
      sinks: this.#sinks,
      events: this.#events,
      explain: this.#explain,
      crew: this.#leader,
    });
    this.#dataPlane = made.plane;
    this.#logServices = made.logServices;
    this.#statsSinks = new StatsSinks(bootstrap.statsSinks, {
      store: this.#stats,
      cluster: name => this.#dataPlane.cluster(name),
      ...made.node,
    });
  }

  #makeLeader(workers: number): Leader {
    const merger = new ChangeMerger(this.#stats);
    return new Leader(workers, {
      onReport: (worker, report) => this.#take(worker, report, merger),
      onLost: (worker, reason) => {
        this.#log.critical('main', `worker ${worker} is lost, and the proxy ends: ${reason}`);
        process.stderr.write(`worker ${worker} is lost: ${reason}\n`);
        process.exit(1);
      },
    });
  }

  /** Another worker tells something. */
  #take(worker: number, report: Report, merger: ChangeMerger): void {
    switch (report.kind) {
      case 'collected':
        merger.merge(worker, report.stats);
        this.#facts.heapsElsewhere[worker] = report.memory;
        this.#explain?.merge(report.explained);
        this.#dataPlane.takeHostCounts(worker, report.hosts);
        break;
      case 'access-log':
        this.#sinks.open(report.path).write(report.text, report.lines);
        break;
      case 'ejectable':
      case 'failed-at-once':
        this.#dataPlane.takeFailure(report);
        break;
      case 'demand':
        this.#dataPlane.takeDemand(report);
        break;
    }
  }

  /** Opens admin interface and listeners. Rejects when an address is taken. */
  async start(onQuit: () => void): Promise<void> {
    const resources = this.#configuration.bootstrap.staticResources;
    await this.#startAdmin(onQuit);
    const setup: FollowerSetup = {
      configuration: this.#configuration,
      options: this.#options,
      explainedAt: this.#explainedAt,
    };
    this.#leader?.start(serialize(setup));
    this.#log.info('config', `loading ${resources?.clusters.length ?? 0} cluster(s)`);
    this.#log.info('config', `loading ${resources?.listeners.length ?? 0} listener(s)`);
    await this.#dataPlane.start();
    this.#log.info('upstream', 'cm init: all clusters initialized');
    await this.#flushInIntervals();
    this.#log.info('main', 'all dependencies initialized. starting workers');
  }

  /** Unless it is done when the admin interface is asked. */
  async #flushInIntervals(): Promise<void> {
    const { statsFlush, statsFlushInterval } = this.#configuration.bootstrap;
    await this.#leader?.collect();
    this.#refreshStats(false);
    if (statsFlush.case === 'statsFlushOnAdmin') return;
    const interval = milliseconds(statsFlushInterval, 5000);
    this.#flushTimer = setInterval(() => void this.#flush(), interval).unref();
  }

  async #flush(): Promise<void> {
    await this.#leader?.collect();
    this.#refreshStats(true);
  }

  /** How long requests that are under way may take once the proxy was asked to end. */
  get drainMs(): number {
    return this.#options.drainTimeSeconds * 1000;
  }

  /** Listens no more, waits at most so long for requests that are under way, then closes everything. */
  async stop(drainMs = 0): Promise<void> {
    clearInterval(this.#flushTimer);
    await Promise.all([this.#dataPlane.stop(drainMs), this.#leader?.stop(drainMs)]);
    this.#logServices.closeAll();
    this.#statsSinks.close();
    this.#admin?.close();
    this.#events?.close();
    this.#loader.close();
    await this.#sinks.closeAll();
  }

  /** Opens log files anew, after they were moved away. */
  reopenLogs(): void {
    this.#sinks.reopenAll();
    this.#log.reopen();
    this.#leader?.tell({ kind: 'reopen-log' });
  }

  async #startAdmin(onQuit: () => void): Promise<void> {
    const wanted = adminAddress(this.#configuration.bootstrap.admin);
    if (wanted === undefined) return;
    const { AdminServer } = await import('./admin/admin-server.ts');
    this.#admin = new AdminServer({
      source: this.#dataPlane,
      stats: this.#stats,
      log: this.#log,
      sinks: this.#sinks,
      runtime: this.#runtime,
      facts: this.#facts,
      refreshStats: flush => this.#refreshStats(flush),
      explains: this.#explain && { explain: this.#explain, positions: paths => this.#positions(paths) },
      quit: onQuit,
      ...(this.#leader && this.#together(this.#leader)),
    });
    const address = await this.#admin.listen(wanted).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`cannot bind '${addressText(wanted.host, wanted.port)}': ${bindReason(error)}`);
    });
    // No link leads to a pipe.
    if (this.#explain && !isPipe(wanted.host)) this.#explainedAt = reachable(address);
    if (this.#events) this.#events.explainedAt = this.#explainedAt;
    this.#log.info('admin', `admin address: ${address}`);
    if (this.#options.adminAddressPath) writeFileSync(this.#options.adminAddressPath, address);
  }

  #positions(paths: readonly Path[]): Promise<Positions> {
    const { configPath: path, configYaml: yaml } = this.#options;
    return this.#loader.positions({ configuration: { path, yaml }, digest: this.#configuration.digest, paths });
  }

  #together(leader: Leader): Pick<AdminContext, 'collect' | 'onAsked'> {
    return {
      collect: () => leader.collect(),
      onAsked: path => {
        if (path === '/logging') leader.tell({ kind: 'log-levels', levels: this.#log.levels });
        if (path === '/reopen_logs') leader.tell({ kind: 'reopen-log' });
      },
    };
  }

  #refreshStats(flush: boolean): void {
    this.#stats.countTraffic();
    if (this.#leader !== undefined) this.#dataPlane.showLimits();
    updateServerStats(this.#stats, this.#dataPlane, this.#facts);
    if (!flush && this.#configuration.bootstrap.statsFlush.case !== 'statsFlushOnAdmin') return;
    this.#statsSinks.flush();
    this.#stats.flush();
  }
}

function adminAddress(admin: Admin | undefined): AdminAddress | undefined {
  const { address } = admin?.address ?? {};
  if (address?.case === 'pipe') return { host: address.value.path, port: 0, mode: address.value.mode };
  if (address?.case !== 'socketAddress') return undefined;
  const { address: host, portSpecifier, ipv4Compat } = address.value;
  return { host, port: portSpecifier.case === 'portValue' ? portSpecifier.value : 0, ipv4Compat };
}

/** An address by which what is bound to every one is reached from this machine. */
const reachable = (address: string): string => address.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace('[::]:', '[::1]:');

function bindReason(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'Address already in use';
  if (error.code === 'EADDRNOTAVAIL') return 'Cannot assign requested address';
  return error.code === 'EACCES' ? 'Permission denied' : error.message;
}
