/**
 * Turns requests away the more often the fewer of the last ones succeeded (Envoy's admission_control).
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/admission_control_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type {
  AdmissionControl,
  AdmissionControl_SuccessCriteria as SuccessCriteria,
} from '../api/envoy/extensions/filters/http/admission_control/v3/admission_control_pb.js';
import { milliseconds } from '../duration.ts';
import { grpcStatus } from '../grpc/status.ts';
import { isGrpc } from '../http/grpc.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { RuntimeNumber, RuntimeSwitch } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import {
  type FilterContext,
  type FilterStream,
  type HttpFilterType,
  type PassedTrailers,
  StreamFilter,
  type Verdict,
} from './filter.ts';
import { SuccessHistory } from './success-history.ts';

export const admissionControl: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.admission_control.v3.AdmissionControl',
  compile(configuration, context) {
    const control = new Control(configuration as Message & AdmissionControl, context);
    return stream => new AdmissionControlFilter(stream, control);
  },
};

const usualWindowMs = 30_000;

/** Shares are decided by whole ten-thousandths. */
const accuracy = 10_000;

/** Calls that fewer requests would help: the others count as successes. */
const failures = new Set<number>([
  grpcStatus.ABORTED,
  grpcStatus.DATA_LOSS,
  grpcStatus.DEADLINE_EXCEEDED,
  grpcStatus.INTERNAL,
  grpcStatus.RESOURCE_EXHAUSTED,
  grpcStatus.UNAVAILABLE,
]);

/** What the streams under one configuration share, each worker for itself as in Envoy. */
class Control {
  readonly enabled: RuntimeSwitch;
  readonly history: SuccessHistory;
  readonly isHttpSuccess: (status: number) => boolean;
  readonly isGrpcSuccess: (status: number) => boolean;
  readonly rejected: Counter;
  readonly #aggression: RuntimeNumber;
  readonly #threshold: RuntimeNumber;
  readonly #leastRate: RuntimeNumber;
  readonly #mostRejected: RuntimeNumber;
  readonly #succeeded: Counter;
  readonly #failed: Counter;

  constructor(said: AdmissionControl, { scope, runtime }: FilterContext) {
    const { aggression, srThreshold, rpsThreshold, maxRejectionProbability, enabled } = said;
    const number = (value: number, key = '') => new RuntimeNumber(value, key, runtime);
    this.enabled = new RuntimeSwitch(enabled?.defaultValue ?? true, enabled?.runtimeKey ?? '', runtime);
    this.history = new SuccessHistory(Math.round(milliseconds(said.samplingWindow, usualWindowMs) / 1000) * 1000);
    const criteria = said.evaluationCriteria.value;
    this.isHttpSuccess = httpTest(criteria);
    this.isGrpcSuccess = grpcTest(criteria);
    this.#aggression = number(aggression?.defaultValue ?? 1, aggression?.runtimeKey);
    this.#threshold = number(srThreshold?.defaultValue?.value ?? 95, srThreshold?.runtimeKey);
    this.#leastRate = number(rpsThreshold?.defaultValue ?? 0, rpsThreshold?.runtimeKey);
    this.#mostRejected = number(
      maxRejectionProbability?.defaultValue?.value ?? 80,
      maxRejectionProbability?.runtimeKey,
    );
    this.rejected = scope.counter('admission_control.rq_rejected');
    this.#succeeded = scope.counter('admission_control.rq_success');
    this.#failed = scope.counter('admission_control.rq_failure');
  }

  rejects(random: number): boolean {
    if (this.history.averageRate() < this.#leastRate.value) return false;
    const { requests, successes } = this.history;
    const share = (requests - successes / shareOf(this.#threshold)) / (requests + 1);
    const probability = share ** (1 / Math.max(1, this.#aggression.value));
    return accuracy * Math.min(probability, shareOf(this.#mostRejected)) > random % accuracy;
  }

  record(success: boolean): void {
    this.history.record(success);
    (success ? this.#succeeded : this.#failed).increment();
  }
}

const shareOf = (percent: RuntimeNumber): number => Math.min(percent.value, 100) / 100;

function httpTest(criteria: SuccessCriteria | undefined): (status: number) => boolean {
  const ranges = criteria?.httpCriteria?.httpSuccessStatus;
  if (ranges === undefined) return status => status < 500;
  return status => ranges.some(({ start, end }) => status >= start && status < end);
}

function grpcTest(criteria: SuccessCriteria | undefined): (status: number) => boolean {
  const successes = criteria?.grpcCriteria?.grpcSuccessStatus;
  return status => (successes === undefined ? !failures.has(status) : successes.includes(status));
}

class AdmissionControlFilter extends StreamFilter {
  readonly #control: Control;
  #counts = true;
  #awaitsTrailers = false;

  constructor(stream: FilterStream, control: Control) {
    super(stream);
    this.#control = control;
  }

  override onRequestHead(_head: RequestHeaders): Verdict {
    const control = this.#control;
    if (!control.enabled.on || this.stream.info.healthCheck) {
      this.#counts = false;
      return 'continue';
    }
    if (!control.rejects(this.stream.random())) return 'continue';
    this.#counts = false;
    control.rejected.increment();
    this.stream.localReply(503, '', 'denied_by_admission_control');
    return 'stop';
  }

  override onResponseHead(head: ResponseHeaders, end: boolean): Verdict {
    if (!this.#counts) return 'continue';
    const control = this.#control;
    const status = head.get('grpc-status');
    if (end ? status === undefined : head.status !== 200 || !isGrpc(head))
      control.record(control.isHttpSuccess(head.status));
    else if (status === undefined) this.#awaitsTrailers = true;
    else control.record(control.isGrpcSuccess(Number(status)));
    return 'continue';
  }

  override onResponseTrailers(trailers: HeaderMap): PassedTrailers {
    if (!this.#awaitsTrailers) return 'continue';
    const status = trailers.get('grpc-status');
    this.#control.record(status !== undefined && this.#control.isGrpcSuccess(Number(status)));
    return 'continue';
  }
}
