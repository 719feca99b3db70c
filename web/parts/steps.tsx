import { Icon } from './icon.tsx';

/** What is happening, by name: steps done, the current one, those to come. */
export function Steps({ steps, label }: { steps: { title: string; done: boolean }[]; label: string }) {
  const current = steps.findIndex(step => !step.done);
  return (
    <ol class="steps" aria-label={label}>
      {steps.map((step, index) => (
        <li key={step.title} class={step.done ? 'done' : index === current ? 'current' : 'later'}>
          <Icon
            name={step.done ? 'check' : index === current ? 'dot' : 'ring'}
            solid={!step.done && index === current}
          />
          <span>
            {step.title}
            <span class="hidden-text">{step.done ? ', done' : index === current ? ', now' : ''}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}
