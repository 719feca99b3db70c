/** The running proxy: data plane, admin interface, access logs and the timer that flushes stats, from start to end. */
import { writeFileSync } from 'node:fs';
import { createAccessLogs } from './access-log/access-log.ts';
import { defaultFlushIntervalMs, Sinks } from './access-log/sink.ts';
import type { AdminServer } from './admin/admin-server.ts';
import { declareServerStats, type ProcessFacts, updateServerStats } from './admin/server-info.ts';
import type { AccessLog as AccessLogConfig } from './api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { Options } from './command-line.ts';
import type { LoadedConfiguration } from './configuration/load.ts';
import { ResourceLoader } from './configuration/resource-loader.ts';
import { Runtime } from './configuration/runtime.ts';
import { DataPlane } from './data-plane.ts';
import { milliseconds } from './duration.ts';
import { type EventLines, eventLinesFromEnvironment } from './events.ts';
import type { Log } from './log.ts';
import { StatsStore } from './stats/store.ts';
import type { StreamObserver } from './stream-info.ts';
import { XdsContext } from './xds/xds-context.ts';

/** All connections are served by one thread. */
const workers = 1;

/** One proxy in this process. */
export class ProxyServer {
  readonly #configuration: LoadedConfiguration;
  readonly #options: Options;
  readonly #log: Log;
  readonly #stats = new StatsStore();
  readonly #sinks: Sinks;
  readonly #runtime: Runtime;
  readonly #events: EventLines | undefined = eventLinesFromEnvironment(process.env);
  readonly #loader = new ResourceLoader();
  readonly #dataPlane: DataPlane;
  readonly #facts: ProcessFacts;
  #admin: AdminServer | undefined;
  #flushTimer: NodeJS.Timeout | undefined;

  /** Compiles a configuration; nothing is opened but access logs. Throws what cannot work. */
  constructor(configuration: LoadedConfiguration, options: Options, log: Log) {
    const { bootstrap, document } = configuration;
    this.#configuration = configuration;
    this.#options = options;
    this.#log = log;
    const flushIntervalMs = options.fileFlushIntervalMs ?? defaultFlushIntervalMs;
    this.#sinks = new Sinks({ flushIntervalMs, stats: this.#stats.scope('filesystem.') });
    this.#runtime = new Runtime(document, this.#stats);
    this.#facts = { options, concurrency: workers, startedAt: new Date(), document };
    declareServerStats(this.#stats);
    this.#dataPlane = new DataPlane(bootstrap, {
      store: this.#stats,
      xds: new XdsContext({
        loader: this.#loader,
        store: this.#stats,
        log,
        rejectUnknownFields: options.rejectUnknownDynamicFields,
        node: {
          id: options.serviceNode ?? bootstrap.node?.id ?? '',
          cluster: options.serviceCluster ?? bootstrap.node?.cluster ?? '',
        },
      }),
      runtime: this.#runtime,
      accessLog: configs => this.#accessLog(configs),
      observers: this.#events ? [this.#events.observe] : [],
      nodeCluster: options.serviceCluster ?? bootstrap.node?.cluster ?? '',
      nodeId: options.serviceNode ?? bootstrap.node?.id ?? '',
    });
  }

  /** Opens admin interface and listeners. Rejects when an address is taken. */
  async start(onQuit: () => void): Promise<void> {
    const resources = this.#configuration.bootstrap.staticResources;
    const { concurrency } = this.#options;
    if (concurrency !== undefined && concurrency > workers)
      this.#log.warning('main', `--concurrency ${concurrency}: this version runs one worker`);
    await this.#startAdmin(onQuit);
    this.#log.info('config', `loading ${resources?.clusters.length ?? 0} cluster(s)`);
    this.#log.info('config', `loading ${resources?.listeners.length ?? 0} listener(s)`);
    await this.#dataPlane.start();
    this.#log.info('upstream', 'cm init: all clusters initialized');
    const interval = milliseconds(this.#configuration.bootstrap.statsFlushInterval, 5000);
    this.#flushTimer = setInterval(() => this.#refreshStats(true), interval).unref();
    this.#refreshStats(true);
    this.#log.info('main', 'all dependencies initialized. starting workers');
  }

  /** How long requests that are under way may take once the proxy was asked to end. */
  get drainMs(): number {
    return this.#options.drainTimeSeconds * 1000;
  }

  /** Listens no more, waits at most so long for requests that are under way, then closes everything. */
  async stop(drainMs = 0): Promise<void> {
    clearInterval(this.#flushTimer);
    await this.#dataPlane.stop(drainMs);
    this.#admin?.close();
    this.#events?.close();
    this.#loader.close();
    await this.#sinks.closeAll();
  }

  /** Opens log files anew, after they were moved away. */
  reopenLogs(): void {
    this.#sinks.reopenAll();
    this.#log.reopen();
  }

  #accessLog(configs: readonly AccessLogConfig[]): StreamObserver | undefined {
    const logs = createAccessLogs(configs, this.#sinks);
    if (logs.length === 0) return undefined;
    const [only] = logs;
    if (logs.length === 1 && only) return info => only.log(info);
    return info => {
      for (const log of logs) log.log(info);
    };
  }

  async #startAdmin(onQuit: () => void): Promise<void> {
    const address = this.#configuration.bootstrap.admin?.address?.address;
    if (address?.case !== 'socketAddress') return;
    const { address: host, portSpecifier } = address.value;
    const { AdminServer } = await import('./admin/admin-server.ts');
    this.#admin = new AdminServer({
      source: this.#dataPlane,
      stats: this.#stats,
      log: this.#log,
      sinks: this.#sinks,
      runtime: this.#runtime,
      facts: this.#facts,
      refreshStats: flush => this.#refreshStats(flush),
      quit: onQuit,
    });
    const wanted = portSpecifier.case === 'portValue' ? portSpecifier.value : 0;
    const port = await this.#admin.listen(host, wanted).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`cannot bind '${formatAddress(host, wanted)}': ${bindReason(error)}`);
    });
    this.#log.info('admin', `admin address: ${formatAddress(host, port)}`);
    if (this.#options.adminAddressPath) writeFileSync(this.#options.adminAddressPath, formatAddress(host, port));
  }

  #refreshStats(flush: boolean): void {
    this.#stats.countTraffic();
    updateServerStats(this.#stats, this.#dataPlane, this.#facts);
    if (flush || this.#configuration.bootstrap.statsFlush.case === 'statsFlushOnAdmin') this.#stats.flush();
  }
}

function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function bindReason(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'Address already in use';
  if (error.code === 'EADDRNOTAVAIL') return 'Cannot assign requested address';
  return error.code === 'EACCES' ? 'Permission denied' : error.message;
}
