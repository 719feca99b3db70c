import { Steps } from './steps.tsx';

/** A page that is being loaded: what is happening, by name. */
export function Loading({ title, steps }: { title: string; steps: { title: string; done: boolean }[] }) {
  return (
    <main class="centred" data-state="loading">
      <h1>{title}</h1>
      <div role="status">
        <Steps steps={steps} label={title} />
      </div>
    </main>
  );
}
