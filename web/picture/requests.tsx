import type { TrafficRequest } from '../../server/api.ts';
import { clockTime, exactly, span } from '../parts/time.ts';
import { traffic, trafficDropped } from '../state/learner.ts';
import { explain } from './explanation.tsx';
import { bars, flagOf, isExplained, isFailure } from './journey.ts';

/** The last requests in words and numbers, newest first. */
export function Requests() {
  if (traffic.value.length === 0) {
    return (
      <p class="empty small quiet-text">
        No request went through your proxy yet. When one does, it is drawn here as the proxy reports it: every try, its
        status and its flag. Click on it, or on its dot, to see which lines of the configuration decided it.
      </p>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="requests" tabIndex={0} aria-label="Last requests">
      <table class="small">
        <thead>
          <tr>
            <th scope="col">at</th>
            <th scope="col">request</th>
            <th scope="col">status</th>
            <th scope="col">flag</th>
            <th scope="col" class="number">
              took
            </th>
            <th scope="col">tries</th>
          </tr>
        </thead>
        <tbody>
          {traffic.value.map(request => (
            <Row key={`${request.requestId}${request.atMs}`} request={request} />
          ))}
        </tbody>
      </table>
      {trafficDropped.value > 0 ? (
        <p class="small quiet-text">{trafficDropped.value} more came too fast to be listed.</p>
      ) : null}
    </section>
  );
}

function Row({ request }: { request: TrafficRequest }) {
  return (
    <tr class={isFailure(request.status) ? 'failed' : ''}>
      <td title={exactly(request.atMs)}>{clockTime(request.atMs)}</td>
      <td class="path" title={`${request.method} ${request.authority}${request.path}`}>
        {isExplained(request) ? (
          <button type="button" class="text-button" title="What decided this request" onClick={() => explain(request)}>
            {request.method} {request.path}
          </button>
        ) : (
          `${request.method} ${request.path}`
        )}
      </td>
      <td class="status">{request.status === 0 ? '–' : request.status}</td>
      <td class="flag">{flagOf(request.flags)}</td>
      <td class="number">{span(request.durationMs)}</td>
      <td>
        <Tries request={request} />
      </td>
    </tr>
  );
}

/** The tries on the request's own time line. */
function Tries({ request }: { request: TrafficRequest }) {
  const tries = bars(request);
  const words = tries.length === 0 ? 'none: the proxy answered by itself' : tries.map(one => one.title).join(', ');
  return (
    <span class="tries" title={words}>
      <span class="hidden-text">{words}</span>
      <span class="tries-count" aria-hidden="true">
        {tries.length}
      </span>
      <span class="track" aria-hidden="true">
        {tries.map(one => (
          <span
            key={one.title}
            class={one.failed ? 'bar-failed' : ''}
            style={{ left: `${one.left}%`, width: `${one.width}%` }}
          />
        ))}
      </span>
    </span>
  );
}
