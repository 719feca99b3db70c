import type { SandboxState } from '../../server/api.ts';
import { post } from '../api/request.ts';
import { Button } from '../parts/button.tsx';
import { Problem } from '../parts/problem.tsx';
import { Steps } from '../parts/steps.tsx';
import { act } from '../state/learner.ts';

const start = () => void act(() => post('/api/sandbox/start'));

/** What stands in the terminals' place until the sandbox is there: what is happening, or why nothing is. */
export function StartUp({ sandbox }: { sandbox: SandboxState }) {
  return (
    <div class="centred start-up" data-phase={sandbox.phase}>
      <Inside sandbox={sandbox} />
    </div>
  );
}

function Inside({ sandbox }: { sandbox: SandboxState }) {
  switch (sandbox.phase) {
    case 'none':
      return (
        <Progressing title="Asking for your sandbox" steps={[{ title: 'Ask the server for a place', done: false }]} />
      );
    case 'queued':
      return <Queued place={sandbox.place} />;
    case 'starting':
      return <Progressing title="Starting your sandbox" steps={sandbox.steps} />;
    case 'reconnecting':
      return (
        <Progressing
          title="Finding your sandbox again"
          steps={[{ title: 'Connect to the sandbox that is running', done: false }]}
        />
      );
    case 'failed':
      return (
        <Problem what={sandbox.message} remedy={sandbox.remedy} action={{ label: 'Start it again', run: start }} />
      );
    case 'ended':
      return <Ended reason={sandbox.reason} />;
    case 'ready':
      return null;
  }
}

function Progressing({ title, steps }: { title: string; steps: { title: string; done: boolean }[] }) {
  return (
    <div class="progressing" role="status">
      <h2>{title}</h2>
      <Steps steps={steps} label={title} />
      <p class="small quiet-text">The lesson can be read meanwhile.</p>
    </div>
  );
}

function Queued({ place }: { place: number }) {
  return (
    <div class="progressing" role="status">
      <h2>You are number {place} in the queue</h2>
      <p class="quiet-text">
        The machine starts sandboxes one after the other. Yours comes by itself; the lesson can be read meanwhile.
      </p>
    </div>
  );
}

function Ended({ reason }: { reason: string }) {
  return (
    <div class="progressing">
      <h2>Your sandbox ended</h2>
      <p class="quiet-text">{reason}</p>
      <p class="quiet-text">Your files and your progress are kept.</p>
      <Button label="Start it again" kind="large main" onClick={start} />
    </div>
  );
}
