import type { RequestHeaders } from '../http/headers.ts';

/** Whether this is what a WebSocket's client has no use for: as Envoy sees it, what else than errors comes instead of it. @param status of the answer */
export function failsHandshake(request: RequestHeaders, status: number): boolean {
  return request.upgrade === 'websocket' && status >= 200 && status < 400;
}
