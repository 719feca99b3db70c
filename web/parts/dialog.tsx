import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Button } from './button.tsx';

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  wide?: boolean;
}

/** A window over the page. The browser keeps the focus in it and gives it back; Escape closes. */
export function Dialog({ title, onClose, children, wide = false }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} class={wide ? 'wide' : ''} aria-labelledby={heading} onClose={onClose}>
      <div class="dialog-head">
        <h2 id={heading} class="grow">
          {title}
        </h2>
        <Button label="Close" icon="cross" bare kind="quiet" onClick={() => element.current?.close()} />
      </div>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

interface Question {
  title: string;
  text: string;
  yes: string;
  answer: (yes: boolean) => void;
}
const question = signal<Question | null>(null);

/** Asks before something that cannot be taken back. */
export function confirm(title: string, text: string, yes: string): Promise<boolean> {
  question.peek()?.answer(false);
  return new Promise(resolve => {
    question.value = { title, text, yes, answer: resolve };
  });
}

/** The place where `confirm` asks; once on a page. */
export function Confirmations() {
  const asked = question.value;
  if (asked === null) return null;
  const reply = (yes: boolean) => {
    asked.answer(yes);
    if (question.peek() === asked) question.value = null;
  };
  return (
    <Dialog key={asked.title + asked.text} title={asked.title} onClose={() => reply(false)}>
      <p>{asked.text}</p>
      <div class="dialog-feet">
        <Button label="Cancel" onClick={() => reply(false)} />
        <Button label={asked.yes} kind="main" onClick={() => reply(true)} />
      </div>
    </Dialog>
  );
}
