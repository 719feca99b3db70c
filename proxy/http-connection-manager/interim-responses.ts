/** Responses of 1xx: ours to a client that waits for a go-ahead, and a host's. */
import type { ResponseSender } from '../http/codec.ts';
import { type RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { ConnectionManager } from './connection-manager.ts';
import { prepareInterim } from './response-headers.ts';

/** Tells a client that waits for it to send its body, as in Envoy one without a body too; the header that says so ends here. */
export function goAhead(head: RequestHeaders, manager: ConnectionManager, sender: ResponseSender): void {
  if (manager.settings.passesExpectation || head.get('expect')?.toLowerCase() !== '100-continue') return;
  head.remove('expect');
  manager.countResponse(100);
  sender.sendInterim(new ResponseHeaders(100));
}

/** Passes a host's on, where hosts are asked for a go-ahead. */
export function passInterim(
  head: ResponseHeaders,
  manager: ConnectionManager,
  info: StreamInfo,
  sender: ResponseSender,
): void {
  if (!manager.settings.passesExpectation) return;
  prepareInterim(head, manager.settings, info);
  manager.countResponse(head.status);
  sender.sendInterim(head);
}
