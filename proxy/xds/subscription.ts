/** How resources come to the proxy while it runs, whatever brings them. */
import type { LoadedResource, RefusedResource } from '../configuration/resources.ts';
import { xxHash64 } from '../hash/xx-hash.ts';
import type { Counter, Gauge, Histogram, TextReadout } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';

/** Resources that came together. */
export interface Update {
  version: string;
  resources: readonly LoadedResource[];
  /** What is gone, by name; undefined: `resources` is all that there is. */
  removed?: readonly string[];
  /** Others that came along and cannot be used. */
  refused: readonly RefusedResource[];
  /** What was told of, by all of its names, whether it is there or not: of resources that are asked for one by one. */
  answered?: readonly string[];
}

/** What is asked for. */
export interface Interest {
  /** The message that the resources are: `envoy.config.cluster.v3.Cluster`. */
  typeName: string;
  /** Undefined: all that there are. */
  names?: readonly string[];
  /** Those of this space alone, `<within>/<name>`, each once it is asked for: see `Subscription.demand`. */
  within?: string;
  /** Each once it is asked for, by its name alone. */
  onDemand?: boolean;
  /** Word that there is none is no answer: it may still come. */
  waitsThroughRemoval?: boolean;
  /** The clusters that routes may name, as they are when an update comes; undefined: any. */
  clusters?: () => readonly string[];
}

/** Takes updates. */
export interface Consumer {
  /** Takes one into use. @throws UpdateRefused for what cannot be used; what could be is in use then. */
  accept(update: Update): void | Promise<void>;
}

/** An update, or a part of it, that is not taken into use: what was there before stays. */
export class UpdateRefused extends Error {}

/** For who takes all of an update or nothing. @throws UpdateRefused for the first that cannot be used */
export function refuseAll(refused: readonly RefusedResource[]): void {
  const [first] = refused;
  if (first !== undefined) throw new UpdateRefused(complaintOf(first));
}

export const complaintOf = ({ name, refused }: RefusedResource): string => `${name}: ${refused}`;

/** Asks for resources and passes them on, from `start` to `stop`. */
export interface Subscription {
  /** Ends when there was a first answer, good or bad, or when none came within the time that is set for it. */
  start(): Promise<void>;
  stop(): void;
  /** Asks for one more resource, by its name. */
  demand?(name: string): void;
}

/** What every subscription counts, by Envoy's names. */
export class SubscriptionStats {
  readonly initFetchTimeout: Counter;
  readonly updateAttempt: Counter;
  readonly updateFailure: Counter;
  readonly updateSuccess: Counter;
  readonly updateDuration: Histogram;
  readonly #updateRejected: Counter;
  readonly #updateTime: Gauge;
  readonly #version: Gauge;
  readonly #versionText: TextReadout;
  readonly #heard: (() => void) | undefined;

  /** @param heard is called after each update that was taken or refused */
  constructor(scope: StatsScope, heard?: () => void) {
    this.#heard = heard;
    this.initFetchTimeout = scope.counter('init_fetch_timeout');
    this.updateAttempt = scope.counter('update_attempt');
    this.updateFailure = scope.counter('update_failure');
    this.#updateRejected = scope.counter('update_rejected');
    this.updateSuccess = scope.counter('update_success');
    this.updateDuration = scope.histogram('update_duration');
    this.#updateTime = scope.gauge('update_time');
    this.#version = scope.gauge('version');
    this.#versionText = scope.textReadout('version_text');
  }

  /** @param tookMs how long it took to take the update into use */
  succeeded(version: string, tookMs: number): void {
    this.updateSuccess.increment();
    this.updateDuration.record(Math.round(tookMs));
    this.#updateTime.set(Date.now());
    this.#version.setExact(xxHash64(Buffer.from(version)));
    this.#versionText.set(version);
    this.#heard?.();
  }

  rejected(): void {
    this.#updateRejected.increment();
    this.#heard?.();
  }
}
