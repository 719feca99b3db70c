/** Bytes that health checks send and look for. */
import type { HealthCheck_Payload } from '../api/envoy/config/core/v3/health_check_pb.js';

/** The bytes of a payload; its text is hexadecimal. */
export function payloadBytes(payload: HealthCheck_Payload | undefined): Buffer {
  if (payload?.payload.case === 'text') return Buffer.from(payload.payload.value, 'hex');
  return Buffer.from(payload?.payload.value ?? '');
}

/** Whether all of these are found, in this order, with anything between them. */
export function containsInOrder(received: Buffer, wanted: readonly Buffer[]): boolean {
  let from = 0;
  for (const bytes of wanted) {
    const at = received.indexOf(bytes, from);
    if (at < 0) return false;
    from = at + bytes.length;
  }
  return true;
}
