/** One place that says what becomes of a try that failed: response, flag and details. */
import type { ResetReason } from '../http/codec.ts';
import { flag } from '../stream-info.ts';

/** The response flag of each reason. */
export const resetFlag: Readonly<Record<ResetReason, number>> = {
  'connection-failure': flag.UPSTREAM_CONNECTION_FAILURE,
  'local-connection-failure': flag.UPSTREAM_CONNECTION_FAILURE,
  'connection-timeout': flag.UPSTREAM_CONNECTION_FAILURE,
  'connection-termination': flag.UPSTREAM_CONNECTION_TERMINATION,
  overflow: flag.UPSTREAM_OVERFLOW,
  'protocol-error': flag.UPSTREAM_PROTOCOL_ERROR,
  'remote-reset': flag.UPSTREAM_REMOTE_RESET,
  'refused-stream': flag.UPSTREAM_REMOTE_RESET,
  'local-reset': flag.LOCAL_RESET,
  'no-healthy-host': flag.NO_HEALTHY_UPSTREAM,
  timeout: flag.UPSTREAM_REQUEST_TIMEOUT,
  'per-try-timeout': flag.UPSTREAM_REQUEST_TIMEOUT,
  'max-duration': flag.UPSTREAM_MAX_STREAM_DURATION_REACHED,
  'retry-buffer-overflow': 0,
};

/** Envoy's words for each reason. */
export const resetWords: Readonly<Record<ResetReason, string>> = {
  'connection-failure': 'remote connection failure',
  'local-connection-failure': 'local connection failure',
  'connection-timeout': 'connection timeout',
  'connection-termination': 'connection termination',
  overflow: 'overflow',
  'protocol-error': 'protocol error',
  'remote-reset': 'remote reset',
  'refused-stream': 'remote refused stream reset',
  'local-reset': 'local reset',
  'no-healthy-host': '',
  timeout: '',
  'per-try-timeout': '',
  'max-duration': '',
  'retry-buffer-overflow': '',
};

export interface LocalReply {
  status: number;
  body: string;
  details: string;
  /** Adds x-envoy-overloaded. */
  overloaded: boolean;
}

/** What the client is told when the last try failed before a response began. */
export function replyToReset(reason: ResetReason, transportFailure: string, retried: boolean): LocalReply {
  switch (reason) {
    case 'no-healthy-host':
      return { status: 503, body: 'no healthy upstream', details: 'no_healthy_upstream', overloaded: false };
    case 'timeout':
      return { status: 504, body: 'upstream request timeout', details: 'response_timeout', overloaded: false };
    case 'per-try-timeout':
      return { status: 504, body: 'upstream request timeout', details: 'upstream_per_try_timeout', overloaded: false };
    case 'max-duration': {
      const body = 'upstream max stream duration reached';
      return { status: 504, body, details: 'upstream_max_stream_duration_reached', overloaded: false };
    }
    case 'retry-buffer-overflow': {
      const body = 'exceeded request buffer limit while retrying upstream';
      return { status: 507, body, details: 'request_payload_exceeded_retry_buffer_limit', overloaded: false };
    }
    default:
  }
  return {
    status: resetStatus(reason),
    body: `upstream connect error or disconnect/reset before headers. ${retried ? 'retried and the latest ' : ''}reset reason: ${resetWords[reason]}`,
    details: resetDetails('upstream_reset_before_response_started', reason, transportFailure),
    overloaded: reason === 'overflow',
  };
}

/** The status that tells of a try that was reset. */
export function resetStatus(reason: ResetReason): number {
  return reason === 'protocol-error' ? 502 : 503;
}

/** `upstream_reset_…{connection_termination|…}`, without blanks. */
export function resetDetails(prefix: string, reason: ResetReason, transportFailure: string): string {
  const detail = transportFailure === '' ? resetWords[reason] : `${resetWords[reason]}|${transportFailure}`;
  return `${prefix}{${detail.replaceAll(' ', '_')}}`;
}
