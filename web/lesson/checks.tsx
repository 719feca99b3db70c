import type { CheckState } from '../../server/api.ts';
import { Icon, type IconName } from '../parts/icon.tsx';

const shapes: Record<CheckState['state'], { icon: IconName; word: string }> = {
  passed: { icon: 'check', word: 'passed' },
  failed: { icon: 'alert', word: 'not yet' },
  running: { icon: 'dot', word: 'is being looked at' },
  unknown: { icon: 'ring', word: 'not looked at yet' },
};

/** One check: its state in colour and shape, and where it failed, unless that is `explained` beside it, what was expected and what was found. */
export function Check({ check, explained = false }: { check: CheckState; explained?: boolean }) {
  const shape = shapes[check.state];
  return (
    <li class={`check ${check.state}`} data-check={check.id} data-state={check.state}>
      <Icon name={shape.icon} solid={check.state === 'running'} />
      <div class="grow">
        <p>
          {check.title}
          <span class="hidden-text">: {shape.word}</span>
        </p>
        {check.state === 'failed' && !explained ? <Difference check={check} /> : null}
      </div>
    </li>
  );
}

/** Expected beside found, and why. */
export function Difference({ check }: { check: CheckState }) {
  return (
    <>
      {check.expected === undefined && check.found === undefined ? null : (
        <dl class="difference small">
          <dt>expected</dt>
          <dd>{check.expected ?? '–'}</dd>
          <dt>found</dt>
          <dd class="found">{check.found ?? '–'}</dd>
        </dl>
      )}
      {check.hint === undefined ? null : <p class="small quiet-text">{check.hint}</p>}
    </>
  );
}
