import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { post } from '../api/request.ts';
import { Button } from '../parts/button.tsx';
import { useNow } from '../parts/countdown.tsx';
import { ago, exactly } from '../parts/time.ts';
import { act } from '../state/learner.ts';
import { classState } from './state.ts';

/** A line of text that all learners see at once. */
export function MessageToAll() {
  const text = useSignal('');
  const id = useId();
  const send = async () => {
    if (text.value.trim() === '') return;
    if (await act(() => post('/api/instructor/message', { text: text.value.trim() }))) text.value = '';
  };
  return (
    <section class="card" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>Message to all</h2>
      <form
        class="row nowrap"
        onSubmit={event => {
          event.preventDefault();
          void send();
        }}
      >
        <input
          id={id}
          class="input grow"
          aria-label="Message"
          maxLength={1000}
          value={text.value}
          onInput={event => {
            text.value = event.currentTarget.value;
          }}
        />
        <Button label="Send" type="submit" icon="message" />
      </form>
      <Sent />
    </section>
  );
}

function Sent() {
  const now = useNow();
  const messages = classState.value?.messages ?? [];
  if (messages.length === 0) return <p class="small quiet-text">Nothing was sent yet.</p>;
  return (
    <ul class="sent small">
      {messages
        .toReversed()
        .slice(0, 5)
        .map(message => (
          <li key={message.id}>
            <span class="grow">{message.text}</span>
            <time class="quiet-text" title={exactly(message.atMs)}>
              {ago(message.atMs, now)}
            </time>
          </li>
        ))}
    </ul>
  );
}
