/** One endpoint of a cluster. */
import type { HostStatus } from '../admin-source.ts';

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
}

export class Host implements HostStatus {
  readonly address: string;
  readonly port: number;
  /** `ip:port`. */
  readonly name: string;
  readonly hostname: string;
  readonly weight: number;
  readonly priority: number;
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  readonly canary = false;
  readonly healthFlags = 'healthy';
  readonly counters = { cx_connect_fail: 0, cx_total: 0, rq_error: 0, rq_success: 0, rq_timeout: 0, rq_total: 0 };
  readonly gauges = { cx_active: 0, rq_active: 0, rq_pending_active: 0 };

  constructor(options: HostOptions) {
    this.address = options.address;
    this.port = options.port;
    this.name = options.address.includes(':')
      ? `[${options.address}]:${options.port}`
      : `${options.address}:${options.port}`;
    this.hostname = options.hostname;
    this.weight = options.weight;
    this.priority = options.priority;
    this.region = options.region;
    this.zone = options.zone;
    this.subZone = options.subZone;
  }
}
