/** What is added to each response before its client gets it, and taken away. */
import { httpDate } from '../http/date.ts';
import type { ResponseHeaders } from '../http/headers.ts';
import type { StreamInfo } from '../stream-info.ts';
import { removeHopByHop } from './request-checks.ts';
import type { ManagerSettings } from './settings.ts';

export function prepareResponse(head: ResponseHeaders, settings: ManagerSettings, info: StreamInfo): void {
  removeHopByHop(head, info.requestHeaders);
  if (!head.has('date')) head.add('date', httpDate(Date.now()));
  if (settings.serverHeader === 'overwrite') head.set('server', settings.serverName);
  else if (settings.serverHeader === 'append-if-absent' && !head.has('server')) head.add('server', settings.serverName);
  addWay(head, settings, info);
}

/** The same for one of 1xx. */
export function prepareInterim(head: ResponseHeaders, settings: ManagerSettings, info: StreamInfo): void {
  removeHopByHop(head, info.requestHeaders);
  addWay(head, settings, info);
}

/** Which request it answers, and that it came by this proxy. */
function addWay(head: ResponseHeaders, settings: ManagerSettings, info: StreamInfo): void {
  const isForced = info.internal && info.requestHeaders?.has('x-envoy-force-trace') === true;
  const told = settings.alwaysSetRequestIdInResponse || isForced;
  if (told && info.requestId !== '') head.set('x-request-id', info.requestId);
  if (settings.via !== '') head.add('via', settings.via);
}
