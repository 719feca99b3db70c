/** Takes hosts that fail out of a cluster for a while. */
import type { OutlierDetection } from '../api/envoy/config/cluster/v3/outlier_detection_pb.js';
import type { Host } from '../cluster/host.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { StatsScope } from '../stats/store.ts';
import { DetectionStats, type EjectionKind } from './detection-stats.ts';
import { type ConsecutiveKind, HostMonitor, type MonitorOwner, monitorBytes } from './host-monitor.ts';
import { OutlierSettings, type SettingName } from './settings.ts';
import { ejectionThreshold } from './success-rate.ts';

/** Of all hosts together, in percent; -1 where it is not known. */
export interface SuccessRates {
  average: number;
  threshold: number;
}

/** Where answers, and failures to get one, are told apart. */
type Origin = 'external' | 'localOrigin';

interface Judged {
  monitor: HostMonitor;
  percent: number;
}

const kindsOf: Record<Origin, { successRate: EjectionKind; failurePercentage: EjectionKind }> = {
  external: { successRate: 'success_rate', failurePercentage: 'failure_percentage' },
  localOrigin: { successRate: 'local_origin_success_rate', failurePercentage: 'local_origin_failure_percentage' },
};

/** Two names are not those of the stats. */
const enforcingOf = (kind: EjectionKind): SettingName =>
  kind === 'local_origin_failure_percentage' ? 'enforcing_failure_percentage_local_origin' : `enforcing_${kind}`;

const unknown: SuccessRates = { average: -1, threshold: -1 };

/** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier */
export class OutlierDetector implements MonitorOwner {
  readonly settings: OutlierSettings;
  readonly rates: Record<Origin, SuccessRates> = { external: unknown, localOrigin: unknown };
  readonly #stats: DetectionStats;
  readonly #onChange: () => void;
  readonly #isShared: boolean;
  readonly #monitors = new Map<Host, HostMonitor>();
  /** The gauge is shared with the detector of a cluster whose place this one takes. */
  #active = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param scope of the cluster
   * @param onChange called when hosts were ejected or came back
   * @param isShared whether other workers count failures, too
   */
  constructor(
    configuration: OutlierDetection,
    scope: StatsScope,
    runtime: RuntimeValues | undefined,
    onChange: () => void,
    isShared = false,
  ) {
    this.#isShared = isShared;
    this.settings = new OutlierSettings(configuration, runtime);
    this.#stats = new DetectionStats(scope);
    this.#onChange = onChange;
  }

  /** Watches these hosts, and none that left. */
  setHosts(hosts: readonly Host[]): void {
    const now = new Set(hosts);
    for (const host of this.#monitors.keys()) if (!now.has(host)) this.#forget(host);
    for (const host of now) {
      if (this.#monitors.has(host)) continue;
      const monitor = new HostMonitor(host, this, this.#isShared ? new SharedArrayBuffer(monitorBytes) : undefined);
      this.#monitors.set(host, monitor);
      host.outlier = monitor;
    }
    if (this.#timer === undefined) this.#arm();
  }

  #forget(host: Host): void {
    this.#monitors.delete(host);
    host.outlier = undefined;
    if (host.has('failed_outlier_check')) this.#countActive(-1);
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const host of this.#monitors.keys()) this.#forget(host);
  }

  #countActive(more: number): void {
    this.#active += more;
    this.#stats.active.add(more);
  }

  #arm(): void {
    this.#timer = setTimeout(() => this.#onInterval(), this.settings.get('interval_ms'));
    this.#timer.unref();
  }

  /** Another worker saw it fail so often in a row. */
  onFailuresElsewhere(host: Host, kind: ConsecutiveKind): void {
    const monitor = this.#monitors.get(host);
    if (monitor !== undefined) this.onConsecutive(monitor, kind);
  }

  onConsecutive(monitor: HostMonitor, kind: ConsecutiveKind): void {
    if (monitor.host.has('failed_outlier_check')) return;
    this.#detect(monitor, kind);
    if (kind === 'consecutive_5xx') this.#stats.deprecated.consecutive5xx.increment();
    // Unless it is ejected, as many failures again are needed.
    monitor.reset(kind);
  }

  #detect(monitor: HostMonitor, kind: EjectionKind): void {
    this.#stats.detected[kind].increment();
    if (!this.#mayEject()) {
      this.#stats.overflow.increment();
      return;
    }
    if (kind === 'consecutive_5xx' || kind === 'success_rate') this.#stats.deprecated.total.increment();
    // It may just have been ejected by its rate, and now fail too often as well.
    if (monitor.host.has('failed_outlier_check')) return;
    if (Math.random() * 100 < this.settings.get(enforcingOf(kind))) this.#eject(monitor, kind);
  }

  #mayEject(): boolean {
    const active = this.#active;
    if (active === 0 && this.settings.alwaysEjectsOne) return true;
    return (100 * (active + 1)) / this.#monitors.size <= Math.min(100, this.settings.get('max_ejection_percent'));
  }

  #eject(monitor: HostMonitor, kind: EjectionKind): void {
    this.#countActive(1);
    this.#stats.enforcedTotal.increment();
    this.#stats.enforced[kind].increment();
    monitor.ejectedAtMs = performance.now();
    const base = this.settings.get('base_ejection_time_ms');
    monitor.jitterMs = Math.floor(Math.random() * (this.settings.get('max_ejection_time_jitter_ms') + 1));
    if (monitor.backOff * base < this.settings.get('max_ejection_time_ms') + base) monitor.backOff++;
    monitor.host.flag('failed_outlier_check', true);
    this.#onChange();
  }

  /** A host that passed its active health check comes back before its time, where that is wished. */
  onHealthCheckPassed(host: Host): void {
    const monitor = this.#monitors.get(host);
    if (monitor === undefined || !this.settings.unejectsByHealthCheck) return;
    if (host.has('failed_outlier_check') && !host.has('failed_active_hc')) this.#return(monitor);
  }

  #return(monitor: HostMonitor): void {
    this.#countActive(-1);
    monitor.resetAll();
    monitor.returnedAtMs = performance.now();
    monitor.host.flag('failed_outlier_check', false);
    this.#onChange();
  }

  #onInterval(): void {
    const nowMs = performance.now();
    for (const monitor of this.#monitors.values()) if (this.#isDue(monitor, nowMs)) this.#return(monitor);
    this.#judge('external');
    this.#judge('localOrigin');
    for (const monitor of this.#monitors.values()) this.#forgive(monitor, nowMs);
    this.#arm();
  }

  #isDue({ host, backOff, ejectedAtMs, jitterMs }: HostMonitor, nowMs: number): boolean {
    if (!host.has('failed_outlier_check')) return false;
    const wanted = this.settings.get('base_ejection_time_ms') * backOff;
    return Math.min(wanted, this.settings.get('max_ejection_time_ms')) + jitterMs <= nowMs - ejectedAtMs;
  }

  /** Who stayed good for a whole interval is ejected for less time the next time. */
  #forgive(monitor: HostMonitor, nowMs: number): void {
    if (monitor.host.has('failed_outlier_check') || monitor.returnedAtMs === undefined) return;
    const stayed = nowMs - monitor.returnedAtMs >= this.settings.get('interval_ms');
    if (stayed && monitor.backOff > 0) monitor.backOff--;
  }

  /** Compares the hosts by the interval that ended. */
  #judge(origin: Origin): void {
    const { settings } = this;
    const rateVolume = settings.get('success_rate_request_volume');
    const failureVolume = settings.get('failure_percentage_request_volume');
    const byRate: Judged[] = [];
    const byFailures: Judged[] = [];
    const enough = this.#hasEnoughHosts();
    for (const monitor of this.#monitors.values()) {
      const ended = monitor[origin].next();
      if (!enough || ended === undefined || monitor.host.has('failed_outlier_check')) continue;
      const { percent, volume } = ended;
      if (volume >= Math.min(rateVolume, failureVolume)) monitor[origin].percent = percent;
      if (volume >= rateVolume) byRate.push({ monitor, percent });
      if (volume >= failureVolume) byFailures.push({ monitor, percent });
    }
    this.#judgeByRate(origin, byRate);
    this.#judgeByFailures(origin, byFailures);
  }

  #hasEnoughHosts(): boolean {
    const { size } = this.#monitors;
    const { settings } = this;
    return (
      size >= settings.get('success_rate_minimum_hosts') || size >= settings.get('failure_percentage_minimum_hosts')
    );
  }

  #judgeByRate(origin: Origin, judged: readonly Judged[]): void {
    this.rates[origin] = unknown;
    if (judged.length === 0 || judged.length < this.settings.get('success_rate_minimum_hosts')) return;
    const factor = this.settings.get('success_rate_stdev_factor') / 1000;
    const { mean: average, threshold } = ejectionThreshold(
      judged.map(({ percent }) => percent),
      factor,
    );
    this.rates[origin] = { average, threshold };
    for (const { monitor, percent } of judged) {
      if (percent >= threshold) continue;
      this.#stats.deprecated.successRate.increment();
      this.#detect(monitor, kindsOf[origin].successRate);
    }
  }

  #judgeByFailures(origin: Origin, judged: readonly Judged[]): void {
    if (judged.length === 0 || judged.length < this.settings.get('failure_percentage_minimum_hosts')) return;
    const threshold = this.settings.get('failure_percentage_threshold');
    for (const { monitor, percent } of judged) {
      if (100 - percent >= threshold) this.#detect(monitor, kindsOf[origin].failurePercentage);
    }
  }
}
