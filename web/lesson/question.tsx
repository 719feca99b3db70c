import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import type { AnswerResult, ExercisePage } from '../../server/api.ts';
import { asFailure, post, type RequestFailure } from '../api/request.ts';
import { Button } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';
import { FailureProblem } from '../parts/problem.tsx';
import { Html } from './html.tsx';

type Asked = NonNullable<ExercisePage['question']>;

/** What the learner is asked to type or to choose, and why it is right or not. */
export function Question({ exercise, question }: { exercise: string; question: Asked }) {
  const value = useSignal('');
  const result = useSignal<AnswerResult | null>(null);
  const failure = useSignal<RequestFailure | null>(null);
  const answer = async () => {
    failure.value = null;
    const asked = value.value;
    if (asked.trim() === '') return;
    try {
      const path = `/api/exercises/${encodeURIComponent(exercise)}/answer`;
      const judged = await post<AnswerResult>(path, { value: asked });
      if (value.peek() === asked) result.value = judged;
    } catch (cause) {
      if (value.peek() === asked) failure.value = asFailure(cause);
    }
  };
  const change = (text: string) => {
    value.value = text;
    result.value = null;
  };
  return (
    <form
      class="question"
      onSubmit={event => {
        event.preventDefault();
        void answer();
      }}
    >
      {question.kind === 'answer' ? (
        <TextAnswer label={question.label} value={value.value} change={change} />
      ) : (
        <Choices question={question} value={value.value} change={change} />
      )}
      {result.value === null ? null : <Explained result={result.value} />}
      {failure.value === null ? null : <FailureProblem failure={failure.value} retry={() => void answer()} />}
    </form>
  );
}

function TextAnswer({ label, value, change }: { label: string; value: string; change: (text: string) => void }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="row nowrap">
        <input
          id={id}
          class="input grow"
          autocomplete="off"
          spellcheck={false}
          maxLength={500}
          value={value}
          onInput={event => change(event.currentTarget.value)}
        />
        <Button label="Answer" type="submit" />
      </div>
    </div>
  );
}

interface ChoicesProps {
  question: Extract<Asked, { kind: 'quiz' }>;
  value: string;
  change: (text: string) => void;
}

function Choices({ question, value, change }: ChoicesProps) {
  const name = useId();
  return (
    <fieldset class="choices">
      <legend>{question.label}</legend>
      {question.options.map(option => (
        <label key={option.id} class="choice">
          <input
            type="radio"
            name={name}
            value={option.id}
            checked={value === option.id}
            onChange={() => change(option.id)}
          />
          <span>
            <Html html={option.html} />
          </span>
        </label>
      ))}
      <Button label="Answer" type="submit" />
    </fieldset>
  );
}

function Explained({ result }: { result: AnswerResult }) {
  return (
    <div class={`explained ${result.right ? 'right' : 'wrong'}`} role="status">
      <Icon name={result.right ? 'check' : 'alert'} />
      <div>
        <b>{result.right ? 'Right.' : 'Not that.'}</b> <Html html={result.explanationHtml} />
      </div>
    </div>
  );
}
