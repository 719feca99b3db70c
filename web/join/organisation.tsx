import type { SignInRefusal } from '../../server/api.ts';
import { Problem } from '../parts/problem.tsx';

const words: Record<SignInRefusal, { what: string; remedy: string }> = {
  ended: { what: 'The sign-in was ended there.', remedy: 'Begin again when you wish.' },
  late: { what: 'That sign-in was not begun in this browser, or too long ago.', remedy: 'Begin again.' },
  'no-instructor': {
    what: 'You are not among this workshop’s instructors.',
    remedy: 'Ask whoever runs it to make you one at your organisation’s sign-in.',
  },
  'no-learner': {
    what: 'You are not among those who may take part.',
    remedy: 'Ask whoever runs the workshop to let you in at your organisation’s sign-in.',
  },
  full: { what: 'The class is full.', remedy: 'Ask your instructor.' },
  'too-many-tries': {
    what: 'Too many tries from this address did not work.',
    remedy: 'Wait a minute, then begin again.',
  },
  away: {
    what: 'Your organisation’s sign-in does not answer as it should.',
    remedy: 'Try again in a moment. If it stays so, tell your instructor.',
  },
  failed: {
    what: 'The sign-in did not go through.',
    remedy: 'Begin again. If it stays so, tell your instructor: the server’s log says why.',
  },
};

/** The way in by an organisation's own sign-in, which is a page of its own. */
export function Organisation({ name, as }: { name: string; as: 'learner' | 'instructor' }) {
  return (
    <a class="button large main" href={`/api/oidc/start?as=${as}`}>
      Sign in at {name}
    </a>
  );
}

/** Why it did not work the last time; what an address names that is no reason says nothing. */
export function Refusal({ reason }: { reason: string | null }) {
  if (reason === null || !Object.hasOwn(words, reason)) return null;
  const told = words[reason as SignInRefusal];
  return <Problem what={told.what} remedy={told.remedy} />;
}
