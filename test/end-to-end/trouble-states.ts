/** The table of states in which something of a page is missing, failed, or over. */
import type { Page } from 'playwright-core';
import type { FakeServer } from './fake-server.ts';
import { exerciseState } from './fake-states.ts';
import { aClass, inTheMiddle, panes, type State, shown } from './page-states.ts';

const lesson = '/lessons/2.6';
const failed = (message: string, remedy: string) => ({
  status: 500,
  body: { error: { code: 'internal', message, remedy } },
});
const unreadable = failed('The slides could not be read.', 'The server printed why; mend it, then try again.');
const asInstructor = (fake: FakeServer) => {
  fake.me.role = 'instructor';
};
const openFile = async (page: Page) => {
  await panes(page);
  await page.getByRole('tab', { name: 'proxy.yaml' }).click();
};

export const troubleStates: State[] = [
  {
    name: 'sign in failed',
    path: '/#key=stale',
    failing: true,
    prepare: fake => {
      const error = { code: 'not-signed-in', message: 'This link is no longer valid.', remedy: 'Ask for a new one.' };
      fake.answers.set('POST /api/sign-in', { status: 403, body: { error } });
    },
    reach: page => shown(page, '.problem'),
  },
  {
    name: 'learner lesson loading',
    path: lesson,
    prepare: fake => void fake.held.add('GET /api/lessons/2.6'),
    reach: page => shown(page, 'text=Loading the lesson'),
  },
  {
    name: 'learner lesson failed',
    path: '/lessons/9.9',
    failing: true,
    prepare: () => {},
    reach: page => shown(page, '.lesson-pane .problem'),
  },
  {
    name: 'learner asking for a sandbox',
    path: lesson,
    prepare: fake => {
      fake.learner.sandbox = { phase: 'none' };
    },
    reach: async page => {
      await panes(page);
      await shown(page, '[data-phase=none]');
    },
  },
  {
    name: 'learner about to end',
    path: lesson,
    prepare: fake => {
      fake.learner.sandbox = { phase: 'ready', provider: 'local', expiresAtMs: Date.now() + 4 * 60_000 };
    },
    reach: async (page, fake) => {
      await shown(page, '.bar.warning');
      fake.emit({ type: 'notice', text: 'A program took more memory than the sandbox has, and was ended.' });
      await shown(page, '.bar:not(.warning)');
    },
  },
  {
    name: 'learner command refused',
    path: lesson,
    failing: true,
    prepare: fake => {
      const error = { code: 'busy', message: 'The terminal is busy.' };
      fake.answers.set('POST /api/terminals/learner/run', { status: 409, body: { error } });
    },
    reach: async page => {
      await shown(page, 'article.lesson');
      await page.locator('.command').first().getByRole('button', { name: 'run' }).click();
      await shown(page, '.terminal-view');
      const half = page.locator('.half', { hasText: 'Lesson' });
      if (await half.isVisible()) await half.click();
      await shown(page, '.command-refused');
    },
  },
  {
    name: 'learner action failed',
    path: lesson,
    prepare: fake => {
      inTheMiddle(fake);
      fake.learner.action = {
        kind: 'catch-up',
        lesson: '2.6',
        exercise: null,
        failure: 'The proxy did not start: port 15001 is taken.',
        steps: [
          { title: 'End your programs', done: true },
          { title: 'Bring the files', done: true },
          { title: 'proxy -c proxy.yaml', done: false },
        ],
      };
    },
    reach: page => shown(page, '.action .problem'),
  },
  {
    name: 'learner shell ended',
    path: lesson,
    prepare: fake => {
      inTheMiddle(fake);
      fake.exitStatus = 130;
    },
    reach: async page => {
      await panes(page);
      await shown(page, '.over');
    },
  },
  {
    name: 'learner without a terminal',
    path: lesson,
    prepare: () => {},
    reach: async page => {
      await panes(page);
      for (let left = await page.getByRole('tab').count(); left > 0; left -= 1)
        await page
          .getByRole('button', { name: /^Close / })
          .first()
          .click();
      await shown(page, 'text=No terminal is open here');
    },
  },
  {
    name: 'learner answered wrong',
    path: lesson,
    prepare: fake => {
      fake.learner.exercises['limit-exceeded'] = exerciseState('limit-exceeded');
      fake.answers.set('POST /api/exercises/limit-exceeded/answer', {
        status: 200,
        body: { right: false, explanationHtml: '<p>Each retry counts as <code>upstream_rq_retry</code>.</p>' },
      });
    },
    reach: async page => {
      await shown(page, 'article.lesson');
      const exercise = page.locator('[data-exercise=limit-exceeded]');
      await exercise.locator('input[type=radio]').first().check();
      await exercise.getByRole('button', { name: 'Answer' }).click();
      await shown(page, '.explained.wrong');
      await exercise.scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'editor loading',
    path: lesson,
    prepare: fake => void fake.held.add('GET /api/files'),
    reach: async page => {
      await openFile(page);
      await shown(page, '.editor[data-state=loading]');
    },
  },
  {
    name: 'editor failed',
    path: lesson,
    failing: true,
    prepare: fake => void fake.answers.set('GET /api/files', failed('proxy.yaml is no text.', 'Look at it with xxd.')),
    reach: async page => {
      await openFile(page);
      await shown(page, '.editor .problem');
    },
  },
  {
    name: 'editor search',
    path: lesson,
    prepare: () => {},
    reach: async page => {
      await openFile(page);
      await page.locator('.cm-content').click();
      await page.keyboard.press('Control+f');
      await page.keyboard.type('address');
      await shown(page, '.cm-search');
    },
  },
  {
    name: 'slides loading',
    path: '/slides',
    prepare: fake => void fake.held.add('GET /api/slides'),
    reach: page => shown(page, '.slides.loading'),
  },
  {
    name: 'slides failed',
    path: '/slides',
    failing: true,
    prepare: fake => void fake.answers.set('GET /api/slides', unreadable),
    reach: page => shown(page, '.slides .problem'),
  },
  {
    name: 'slides empty',
    path: '/slides',
    prepare: fake => void fake.answers.set('GET /api/slides', { status: 200, body: { slides: [] } }),
    reach: page => shown(page, 'text=This workshop has no slides'),
  },
  {
    name: 'instructor loading',
    path: '/instructor',
    prepare: fake => {
      asInstructor(fake);
      fake.held.add('GET /api/workshop');
    },
    reach: page => shown(page, 'text=Opening your class'),
  },
  {
    name: 'instructor failed',
    path: '/instructor',
    failing: true,
    prepare: fake => {
      asInstructor(fake);
      fake.answers.set('GET /api/slides', unreadable);
    },
    reach: page => shown(page, '.problem'),
  },
  {
    name: 'instructor sign in failed',
    path: '/instructor#secret=wrong',
    failing: true,
    prepare: fake => {
      fake.me.role = null;
      const error = {
        code: 'wrong-secret',
        message: 'This is not the instructor’s secret.',
        remedy: 'The server printed it.',
      };
      fake.answers.set('POST /api/sign-in', { status: 403, body: { error } });
    },
    reach: page => shown(page, '.problem'),
  },
  {
    name: 'instructor after acting',
    path: '/instructor',
    failing: true,
    prepare: fake => {
      aClass(fake);
      const error = { code: 'not-ready', message: 'The sandbox does not run.', remedy: 'Start it first.' };
      fake.answers.set('POST /api/instructor/learners/mallory/extend', { status: 409, body: { error } });
    },
    reach: async page => {
      await page.getByLabel('Choose all learners').check();
      await page.locator('.map-bar').getByRole('button', { name: 'extend' }).click();
      await shown(page, 'text=extended: 3 of 4');
      await shown(page, '.bar');
    },
  },
];
