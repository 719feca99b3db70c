import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Me } from '../server/api.ts';
import { asFailure, get, post, type RequestFailure } from './api/request.ts';
import { Join } from './join/join.tsx';
import { LearnerPage } from './learner/page.tsx';
import { lazily } from './parts/lazily.tsx';
import { Loading } from './parts/loading.tsx';
import { FailureProblem } from './parts/problem.tsx';
import { me } from './state/learner.ts';
import { route } from './state/route.ts';

const Instructor = lazily(
  () => import('./instructor/instructor.tsx').then(module => module.Instructor),
  'the instructor’s page',
);
const Check = lazily(() => import('./check/check.tsx').then(module => module.Check), 'the check of your browser');
const failure = signal<RequestFailure | null>(null);

/** Chooses the page: the instructor's, the learner's, or the way in. */
export function Application({ fragment }: { fragment: URLSearchParams }) {
  const instructor = route.value.view === 'instructor';
  const check = route.value.view === 'check';
  useEffect(() => {
    if (!instructor && !check) void signIn(fragment);
  }, [instructor, check]);
  const refused = fragment.get('refused');
  if (instructor) return <Instructor secret={fragment.get('secret') ?? ''} refused={refused} />;
  if (check) return <Check />;
  if (failure.value !== null) {
    return (
      <main class="centred">
        <h1>Signing in did not work</h1>
        <FailureProblem failure={failure.value} retry={() => void signIn(fragment)} />
      </main>
    );
  }
  if (me.value === null) return <Loading title="Unicorn" steps={[{ title: 'Ask who you are', done: false }]} />;
  if (me.value.role === 'learner') return <LearnerPage />;
  return <Join known={me.value} code={fragment.get('code') ?? ''} refused={refused} />;
}

/** Exchanges the key of a resume link for a cookie, or asks who the cookie says one is. */
async function signIn(fragment: URLSearchParams): Promise<void> {
  failure.value = null;
  const key = fragment.get('key');
  try {
    me.value = key === null ? await get<Me>('/api/me?as=learner') : await post<Me>('/api/sign-in', { secret: key });
    fragment.delete('key');
  } catch (cause) {
    failure.value = asFailure(cause);
    fragment.delete('key');
  }
}
