import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { RequestDecision, RequestExplanation, TrafficRequest } from '../../server/api.ts';
import { asFailure, get, type RequestFailure } from '../api/request.ts';
import { showFile } from '../panes/panes.ts';
import { Dialog } from '../parts/dialog.tsx';
import { FailureProblem, Problem } from '../parts/problem.tsx';
import { homePath, isExplained, markOf } from './journey.ts';

const asked = signal<TrafficRequest | null>(null);

/** Shows what decided a request, where its proxy tells. */
export function explain(request: TrafficRequest): void {
  if (isExplained(request)) asked.value = request;
}

/** The window with what decided the request that was asked for; once on a page. */
export function Explanation() {
  const request = asked.value;
  if (request === null) return null;
  const close = () => {
    asked.value = null;
  };
  return (
    <Dialog key={request.requestId} title="What decided this request" onClose={close}>
      <p class="decided">
        <code>
          {request.method} {request.authority}
          {request.path}
        </code>{' '}
        <b>{markOf(request.status, request.flags) || 'no answer'}</b>
      </p>
      <Decided request={request} close={close} />
    </Dialog>
  );
}

function Decided({ request, close }: { request: TrafficRequest; close: () => void }) {
  const found = useSignal<RequestExplanation | null>(null);
  const failure = useSignal<RequestFailure | null>(null);
  const ask = async () => {
    failure.value = null;
    const { requestId, explainedAt } = request;
    const path = `/api/requests/${encodeURIComponent(requestId)}/explanation?at=${encodeURIComponent(explainedAt)}`;
    try {
      found.value = await get<RequestExplanation>(path);
    } catch (cause) {
      failure.value = asFailure(cause);
    }
  };
  useEffect(() => void ask(), []);
  if (failure.value !== null) return <FailureProblem failure={failure.value} retry={() => void ask()} />;
  if (found.value === null) return <p role="status">Asking your proxy …</p>;
  const { decisions, problem } = found.value;
  return (
    <>
      {problem === '' ? null : (
        <Problem
          what="The lines are not known: the file has changed since the proxy read it."
          remedy="Start the proxy again, and send the request once more."
        />
      )}
      <ol class="decisions">
        {decisions.map((decision, index) => (
          <li key={index}>
            <p>
              <b>{decision.by}</b> {decision.name === decision.by ? '' : <code>{decision.name}</code>}
            </p>
            <p class="quiet-text">{decision.why}</p>
            <Source decision={decision} close={close} />
          </li>
        ))}
      </ol>
    </>
  );
}

/** The line that says so; of a file at home, with the way there. */
function Source({ decision: { position, resource, path }, close }: { decision: RequestDecision; close: () => void }) {
  if (position === null)
    return path === '' && resource === '' ? null : (
      <p class="said">
        <code>{[resource, path].filter(Boolean).join(': ')}</code>
      </p>
    );
  const file = homePath(position.file);
  const place = `${file ?? position.file}:${position.line}`;
  const open = (name: string) => {
    close();
    showFile(name, position.line);
  };
  return (
    <p class="said" title={path}>
      {file === null ? (
        <span>{place}</span>
      ) : (
        <button type="button" class="text-button" aria-label={`Open ${place}`} onClick={() => open(file)}>
          {place}
        </button>
      )}
      <code>{position.text}</code>
    </p>
  );
}
