import { useSignal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';
import type { JoinRequest, Me } from '../../server/api.ts';
import { asFailure, post, type RequestFailure } from '../api/request.ts';
import { Button } from '../parts/button.tsx';
import { useNow } from '../parts/countdown.tsx';
import { Problem } from '../parts/problem.tsx';
import { fullTime } from '../parts/time.ts';
import { me } from '../state/learner.ts';
import { Organisation, Refusal } from './organisation.tsx';

/** As the server has it. */
const longestName = 40;

/** The way in: a name and the workshop's code; alone on one's machine, one click. */
export function Join({ known, code, refused }: { known: Me; code: string; refused: string | null }) {
  const name = useSignal('');
  const typed = useSignal(code);
  const failure = useSignal<RequestFailure | null>(null);
  const busy = useSignal(false);
  const join = async () => {
    busy.value = true;
    failure.value = null;
    try {
      const request: JoinRequest = { code: typed.value.trim(), name: name.value.trim() };
      me.value = await post<Me>('/api/join', request);
    } catch (cause) {
      failure.value = asFailure(cause);
    }
    busy.value = false;
  };
  const alone = known.alone && code !== '';
  return (
    <main class="join">
      <div class="join-card">
        <Mark />
        <h1>{known.workshopTitle}</h1>
        <p class="quiet-text">
          Services, Envoy and Istio, by doing: a machine of your own in this page, and checks that look at what really
          happens.
        </p>
        <Start atMs={known.startsAtMs} />
        {known.organisation === null ? null : <Organisation name={known.organisation} as="learner" />}
        {known.organisation === null || !known.byCode ? null : <p class="quiet-text">or with the workshop’s code</p>}
        {failure.value === null ? <Refusal reason={refused} /> : null}
        {known.byCode ? (
          <form
            class="join-form"
            onSubmit={event => {
              event.preventDefault();
              if (!busy.value) void join();
            }}
          >
            {alone ? null : <Fields name={name} code={typed} given={code !== ''} failure={failure.value} />}
            <Button
              label={busy.value ? 'Joining …' : alone ? 'Begin' : 'Join'}
              type="submit"
              kind="large main"
              disabled={busy.value}
            />
          </form>
        ) : null}
        {failure.value === null ? null : <Problem what={failure.value.message} remedy={failure.value.remedy} />}
      </div>
    </main>
  );
}

function Start({ atMs }: { atMs: number | null }) {
  if (atMs === null || atMs <= useNow()) return null;
  return (
    <p class="join-start">
      It starts on <b>{fullTime(atMs)}</b>. You can join before, and try your browser.
    </p>
  );
}

interface FieldsProps {
  name: { value: string };
  code: { value: string };
  /** The code came with the link: it is not asked for, unless it was wrong. */
  given: boolean;
  failure: RequestFailure | null;
}

function Fields({ name, code, given, failure }: FieldsProps) {
  const id = useId();
  const wrongCode = failure?.code === 'wrong-code';
  useEffect(() => document.getElementById(`${id}-name`)?.focus(), []);
  return (
    <>
      <div class="field">
        <label for={`${id}-name`}>Your name, as your instructor will see it</label>
        <input
          id={`${id}-name`}
          class="input large"
          name="name"
          autocomplete="name"
          required
          maxLength={longestName}
          value={name.value}
          onInput={event => {
            name.value = event.currentTarget.value;
          }}
        />
      </div>
      {given && !wrongCode ? null : (
        <div class="field">
          <label for={`${id}-code`}>The workshop’s code</label>
          <input
            id={`${id}-code`}
            class="input large code"
            name="code"
            required
            autocomplete="off"
            autocapitalize="characters"
            spellcheck={false}
            aria-invalid={wrongCode}
            value={code.value}
            onInput={event => {
              code.value = event.currentTarget.value;
            }}
          />
        </div>
      )}
    </>
  );
}

export function Mark() {
  return <img class="mark-large" src="/icon.svg" alt="" width="40" height="40" />;
}
