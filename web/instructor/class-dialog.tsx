import { signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { ClassPlan, ClassState } from '../../server/api.ts';
import { asFailure, post, type RequestFailure } from '../api/request.ts';
import { Button } from '../parts/button.tsx';
import { useNow } from '../parts/countdown.tsx';
import { confirm, Dialog } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { Problem } from '../parts/problem.tsx';
import { duration, fullTime } from '../parts/time.ts';
import { act } from '../state/learner.ts';
import { localTime, timeOf } from './local-time.ts';
import { classState } from './state.ts';

export const classDialogOpen = signal(false);
const dayMs = 24 * 3_600_000;

/** What the class is set up as: how many come, when it starts, when everything is deleted, its code, its content. */
export function ClassDialog() {
  const state = classState.value;
  if (!classDialogOpen.value || state === null) return null;
  const close = () => {
    classDialogOpen.value = false;
  };
  return (
    <Dialog title="This class" onClose={close}>
      <PlanForm plan={state.plan} maximumSandboxes={state.maximumSandboxes} done={close} />
      <Code code={state.code} />
      <Content content={state.content} />
      <End learners={state.learners.length} done={close} />
    </Dialog>
  );
}

interface PlanFormProps {
  plan: ClassPlan;
  maximumSandboxes: number;
  done: () => void;
}

function PlanForm({ plan, maximumSandboxes, done }: PlanFormProps) {
  const size = useSignal(plan.size === null ? '' : String(plan.size));
  const starts = useSignal(localTime(plan.startsAtMs));
  const deletes = useSignal(localTime(plan.deletesAtMs));
  const failure = useSignal<RequestFailure | null>(null);
  const save = async () => {
    const wanted: ClassPlan = {
      size: size.value === '' ? null : Number(size.value),
      startsAtMs: timeOf(starts.value, plan.startsAtMs),
      deletesAtMs: timeOf(deletes.value, plan.deletesAtMs),
    };
    failure.value = null;
    try {
      await post('/api/instructor/class/plan', wanted);
      done();
    } catch (cause) {
      failure.value = asFailure(cause);
    }
  };
  const many = Number(size.value) > maximumSandboxes;
  return (
    <form
      class="class-form"
      onSubmit={event => {
        event.preventDefault();
        void save();
      }}
    >
      <Field
        label="Learners expected"
        help={
          many
            ? `${maximumSandboxes} sandboxes run here at once: the others wait in a queue until one is free.`
            : 'Around the start a sandbox waits for each of them.'
        }
      >
        {id => (
          <input
            id={id}
            class="input"
            type="number"
            min={1}
            max={2000}
            value={size.value}
            onInput={event => {
              size.value = event.currentTarget.value;
            }}
          />
        )}
      </Field>
      <Field label="Start" help="From then on the class keeps its lessons as they are, whatever is installed.">
        {id => <TimeInput id={id} value={starts} />}
      </Field>
      <Field
        label="Delete everything on"
        help="Every learner is removed then, with all files and progress, and there is a new code."
      >
        {id => <TimeInput id={id} value={deletes} />}
      </Field>
      {failure.value === null ? null : <Problem what={failure.value.message} remedy={failure.value.remedy} />}
      <div class="dialog-feet">
        <Button label="Save" kind="main" type="submit" />
      </div>
    </form>
  );
}

function Field({
  label,
  help,
  children,
}: {
  label: string;
  help: string;
  children: (id: string) => ComponentChildren;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      <p class="small quiet-text">{help}</p>
    </div>
  );
}

function TimeInput({ id, value }: { id: string; value: { value: string } }) {
  return (
    <input
      id={id}
      class="input"
      type="datetime-local"
      max="9999-12-31T23:59"
      value={value.value}
      onInput={event => {
        value.value = event.currentTarget.value;
      }}
    />
  );
}

function Code({ code }: { code: string }) {
  const renew = async () => {
    const text = 'The code that learners have now, and links with it, let nobody in any more. Who has joined stays.';
    if (await confirm('Make a new code?', text, 'Make a new code')) await act(() => post('/api/instructor/class/code'));
  };
  return (
    <p class="class-line">
      <span class="grow">
        Code <b class="code">{code}</b>
      </span>
      <Button label="Make a new code" icon="again" onClick={() => void renew()} />
    </p>
  );
}

function Content({ content }: { content: ClassState['content'] }) {
  const { revision, newest, kept } = content;
  const text =
    revision === newest
      ? kept
        ? 'kept since the class began'
        : 'those of the server'
      : kept
        ? 'kept since the class began; the server has newer ones'
        : 'the newer ones come with the next start of the server';
  return (
    <p class="class-line">
      <span class="grow">
        Lessons <span class="code">{revision}</span>: {text}
      </span>
      {kept && revision !== newest ? (
        <Button
          label="Take the newer"
          title="From the next start of the server"
          onClick={() => void act(() => post('/api/instructor/class/content'))}
        />
      ) : null}
    </p>
  );
}

function End({ learners, done }: { learners: number; done: () => void }) {
  const end = async () => {
    const who = learners === 1 ? 'The one learner is' : `All ${learners} learners are`;
    const text = `${who} removed now, with all files and progress, and there is a new code. This cannot be taken back.`;
    if (!(await confirm('End the class now?', text, 'End the class'))) return;
    if (await act(() => post('/api/instructor/class/end'))) done();
  };
  return (
    <p class="class-line">
      <span class="grow">The class is over: delete everything without waiting for the date</span>
      <Button label="End now" kind="danger" onClick={() => void end()} />
    </p>
  );
}

/** A line at the top while no sandbox can run. */
export function SandboxTrouble() {
  const trouble = classState.value?.trouble ?? null;
  if (trouble === null) return null;
  return (
    <p class="bar warning" data-state="no-sandboxes">
      <Icon name="alert" />
      <span class="grow">No sandbox can run here yet; it is tried again. {trouble}</span>
    </p>
  );
}

/** Lines at the top while the start, or the end of everything, is near. */
export function ClassTimes() {
  const now = useNow();
  const plan = classState.value?.plan;
  if (plan === undefined) return null;
  const { startsAtMs, deletesAtMs } = plan;
  return (
    <>
      {startsAtMs !== null && startsAtMs > now && startsAtMs - now < dayMs ? (
        <p class="bar" data-state="start">
          <Icon name="clock" />
          <span class="grow">
            The class starts in {duration(startsAtMs - now)}, on {fullTime(startsAtMs)}.
          </span>
        </p>
      ) : null}
      {deletesAtMs !== null && deletesAtMs - now < dayMs ? (
        <p class="bar warning" data-state="deletion">
          <Icon name="alert" />
          <span class="grow">All learners, their files and their progress are deleted on {fullTime(deletesAtMs)}.</span>
          <Button
            label="Change it"
            onClick={() => {
              classDialogOpen.value = true;
            }}
          />
        </p>
      ) : null}
    </>
  );
}
