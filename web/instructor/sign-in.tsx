import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { Mark } from '../join/join.tsx';
import { Organisation, Refusal } from '../join/organisation.tsx';
import { Button } from '../parts/button.tsx';
import { Problem } from '../parts/problem.tsx';
import { enter, signInFailure } from './state.ts';

/** The way in for the instructor, where the address brought no secret, or a wrong one. */
export function SignIn({ organisation, refused }: { organisation: string | null; refused: string | null }) {
  const secret = useSignal('');
  const id = useId();
  const failure = signInFailure.value;
  return (
    <main class="join">
      <div class="join-card">
        <Mark />
        <h1>The instructor’s page</h1>
        <p class="quiet-text">The server printed its address, with the secret in it, when it started.</p>
        {organisation === null ? null : <Organisation name={organisation} as="instructor" />}
        {failure === null ? <Refusal reason={refused} /> : null}
        <form
          class="join-form"
          onSubmit={event => {
            event.preventDefault();
            if (secret.value.trim() !== '') void enter(secret.value.trim());
          }}
        >
          <div class="field">
            <label for={id}>The secret</label>
            <input
              id={id}
              class="input large code"
              type="password"
              autocomplete="current-password"
              required
              value={secret.value}
              onInput={event => {
                secret.value = event.currentTarget.value;
              }}
            />
          </div>
          <Button label="Sign in" type="submit" kind="large main" />
        </form>
        {failure === null ? null : <Problem what={failure.message} remedy={failure.remedy} />}
      </div>
    </main>
  );
}
