/** One endpoint of a cluster. */
import { isDeepStrictEqual } from 'node:util';
import type { HostStatus } from '../admin-source.ts';
import type { JsonObject } from '../configuration/json.ts';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import { addressText } from '../net/transport.ts';
import type { Tally } from '../workers/tally.ts';
import { describeHealth, type Health, type HealthFlag, healthFlag, healthOf, isExcluded } from './host-health.ts';

export interface HostOptions {
  address: string;
  port: number;
  /** The name that it was resolved from, or the one given for it. */
  hostname: string;
  weight: number;
  priority: number;
  region: string;
  zone: string;
  subZone: string;
  /** Of its locality; 0 where none is said. */
  localityWeight: number;
  /** What its source says of its health. */
  stated: StatedHealth;
  check: HealthCheckOptions;
  /** What its metadata tell balancers, the fields of `envoy.lb`. */
  metadata: JsonObject | undefined;
  /** All of its metadata, for logs. */
  told?: DynamicMetadata | undefined;
  /** What its metadata say of how connections are to be encrypted. */
  socketMatch: JsonObject | undefined;
}

/** What may change while it stays the same host. */
export type HostNews = Pick<HostOptions, 'weight' | 'localityWeight' | 'priority' | 'stated' | 'metadata' | 'told'>;

/** How its health is to be looked at, where that is not as for all hosts of the cluster. */
export interface HealthCheckOptions {
  /** Empty: its own. */
  address: string;
  /** 0: its own. */
  port: number;
  /** Empty: the cluster's. */
  hostname: string;
  disabled: boolean;
}

export type StatedHealth = 'healthy' | 'unhealthy' | 'degraded' | 'draining' | 'timeout';

/** Told how tries at the host went. */
export interface HostOutcomes {
  /** In percent, of answers; -1 where it is not known. */
  readonly successRate: number;
  /** In percent, of connections. */
  readonly localOriginSuccessRate: number;
  /** An answer came with this status. */
  responded(status: number): void;
  /** No connection could be made, or it broke. */
  failed(): void;
  /** It took too long. */
  timedOut(): void;
  /** @param final whether that is all that can be told of the try */
  connected(final: boolean): void;
}

/** Its active health check, as far as it can be told something. */
export interface ActiveHealthCheck {
  /** In an answer it said that it is not well. */
  failedAtOnce(): void;
}

export class Host implements HostStatus {
  readonly address: string;
  readonly port: number;
  /** `ip:port`, or a pipe's path. */
  readonly name: string;
  readonly hostname: string;
  weight: number;
  priority: number;
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  localityWeight: number;
  /** By the process's clock; undefined where nobody has noticed yet. */
  healthySinceMs: number | undefined = undefined;
  readonly canary = false;
  health: Health = 'healthy';
  /** Where a cluster looks for outliers. */
  outlier: HostOutcomes | undefined = undefined;
  /** Where a cluster looks at its hosts. */
  activeCheck: ActiveHealthCheck | undefined = undefined;
  readonly check: HealthCheckOptions;
  metadata: JsonObject | undefined;
  told: DynamicMetadata | undefined;
  readonly socketMatch: JsonObject | undefined;
  stated: StatedHealth = 'healthy';
  #flags = 0;
  readonly counters = { cx_connect_fail: 0, cx_total: 0, rq_error: 0, rq_success: 0, rq_timeout: 0, rq_total: 0 };
  readonly gauges = { cx_active: 0, rq_active: 0, rq_pending_active: 0 };
  elsewhere: HostStatus['elsewhere'] = undefined;
  /** Where all workers count the requests that are under way; undefined: nobody else does, or nobody asks. */
  load: Tally | undefined = undefined;

  constructor(options: HostOptions) {
    this.address = options.address;
    this.port = options.port;
    this.name = addressText(options.address, options.port);
    this.hostname = options.hostname;
    this.weight = options.weight;
    this.priority = options.priority;
    this.region = options.region;
    this.zone = options.zone;
    this.subZone = options.subZone;
    this.localityWeight = options.localityWeight;
    this.check = options.check;
    this.metadata = options.metadata;
    this.told = options.told;
    this.socketMatch = options.socketMatch;
    this.#state(options.stated);
  }

  get successRate(): number {
    return this.outlier?.successRate ?? -1;
  }

  get localOriginSuccessRate(): number {
    return this.outlier?.localOriginSuccessRate ?? -1;
  }

  beginRequest(): void {
    this.gauges.rq_active++;
    this.load?.add(0, 1);
  }

  endRequest(): void {
    this.gauges.rq_active--;
    this.load?.add(0, -1);
  }

  /** Requests under way, of all workers where somebody asks. */
  get active(): number {
    return this.load?.get(0) ?? this.gauges.rq_active;
  }

  /** What policies that hash take for it. */
  hashKey(byHostname: boolean): string {
    const own = this.metadata?.hash_key;
    if (typeof own === 'string' && own !== '') return own;
    return byHostname ? this.hostname : this.name;
  }

  /** By which it is the same host, however often its source names it. */
  get place(): string {
    return JSON.stringify([this.name, this.hostname, this.region, this.zone, this.subZone, this.socketMatch]);
  }

  /** Its source names it again, after it had named it no more. */
  adopt(named: Host): void {
    if (named === this) return;
    this.update(named);
    this.flag('pending_dynamic_removal', false);
  }

  /** Its source says something of it. Returns whether that changes what it can be used for, or how much of. */
  update({ weight, localityWeight, priority, stated, metadata, told }: HostNews): boolean {
    const before = this.#weighed();
    this.weight = weight;
    this.localityWeight = localityWeight;
    this.priority = priority;
    this.metadata = metadata;
    this.told = told;
    this.#state(stated);
    return !isDeepStrictEqual(before, this.#weighed());
  }

  #weighed(): unknown {
    const { weight, localityWeight, priority, health, metadata } = this;
    return { weight, localityWeight, priority, health, metadata };
  }

  #state(stated: StatedHealth): void {
    this.stated = stated;
    this.flag('failed_eds_health', stated === 'unhealthy' || stated === 'timeout');
    this.flag('degraded_eds_health', stated === 'degraded');
    this.flag('eds_status_draining', stated === 'draining');
  }

  /** What speaks against using it. */
  get healthFlags(): string {
    return describeHealth(this.#flags);
  }

  get flags(): number {
    return this.#flags;
  }

  set flags(flags: number) {
    this.#flags = flags;
    this.health = healthOf(flags);
  }

  get excluded(): boolean {
    return isExcluded(this.#flags);
  }

  has(flag: HealthFlag): boolean {
    return (this.#flags & healthFlag[flag]) !== 0;
  }

  flag(flag: HealthFlag, set: boolean): void {
    this.flags = set ? this.#flags | healthFlag[flag] : this.#flags & ~healthFlag[flag];
  }
}
