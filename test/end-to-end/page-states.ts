/** The table of the states that each page can be in: how the server is then, and how one gets there. */
import type { Page } from 'playwright-core';
import type { FakeServer } from './fake-server.ts';
import { exerciseState, row, someTraces, someTraffic } from './fake-states.ts';

/** A state of a page: how the server is, and how one gets there. */
export interface State {
  name: string;
  path: string;
  prepare: (fake: FakeServer) => void | Promise<void>;
  reach: (page: Page, fake: FakeServer) => Promise<void>;
  /** With what a first visit shows. */
  firstTime?: boolean;
  /** Requests fail in it, on purpose. */
  failing?: boolean;
}

export const hostileName = `<img src=x onerror=alert(1)>\u202Egnp.exe ${'x'.repeat(10_000)}`;
const lesson = '/lessons/2.6';
const tracing = '/lessons/2.19';
const screen =
  'learner@unicorn:~$ curl -i proxy:15001/status/500\r\n\x1b[32mHTTP/1.1\x1b[0m 500 Internal Server Error\r\nserver: envoy\r\nx-envoy-upstream-service-time: 121\r\n\r\nlearner@unicorn:~$ ';

export const shown = (page: Page, selector: string) => page.locator(selector).first().waitFor();
const ready = async (page: Page) => {
  await shown(page, 'article.lesson');
};
/** Where the page is narrow, the half with the terminals. */
export const panes = async (page: Page) => {
  await ready(page);
  const half = page.locator('.half', { hasText: 'Terminals' });
  if (await half.isVisible()) await half.click();
};

export function inTheMiddle(fake: FakeServer): void {
  fake.screen = screen;
  const done = (id: string) => exerciseState(id, { passed: true, passedAtMs: Date.now(), solvedBy: 'learner' });
  for (const id of ['httpbin-answers', 'first-route', 'one-second']) fake.learner.exercises[id] = done(id);
  fake.learner.exercises['retry-three-times'] = exerciseState('retry-three-times', {
    checks: [
      {
        id: 'tries-four-times',
        title: 'a failing request is tried four times, one that works once',
        state: 'failed',
        expected: '4 tries reach httpbin',
        found: '1 try',
        hint: 'Is retry_on: 5xx under retry_policy, and num_retries 3?',
      },
      { id: 'flaky-succeeds', title: 'three failures in a row are hidden from the caller', state: 'running' },
      { id: 'timeout-kept', title: 'a slow request still ends after 1 s', state: 'passed' },
      { id: 'seen-it', title: 'you saw the proxy retry', state: 'unknown' },
    ],
    hintsHtml: ['<p>A retry policy belongs to a route: look for <code>route:</code> in <code>proxy.yaml</code>.</p>'],
  });
  fake.learner.terminals = [{ name: 'proxy', atPrompt: false, exitStatus: null }];
}

const withTraffic = async (page: Page, fake: FakeServer) => {
  await panes(page);
  fake.emit({ type: 'traffic', requests: someTraffic(), dropped: 0 });
  await shown(page, '.requests tbody tr');
};

export const states: State[] = [
  {
    name: 'check',
    path: '/check',
    prepare: () => {},
    reach: async page => {
      await shown(page, 'text=Terminals will connect');
      await page.getByRole('button', { name: 'Copy a word' }).click();
      await shown(page, 'text=Copying works');
      await shown(page, (page.viewportSize()?.width ?? 0) >= 1000 ? 'text=you are ready' : 'text=The window is narrow');
    },
  },
  {
    name: 'check failed',
    path: '/check',
    failing: true,
    prepare: fake => {
      fake.refusing = true;
    },
    reach: async page => {
      await page.evaluate(() => {
        Object.defineProperty(navigator, 'clipboard', { value: undefined });
        document.execCommand = () => false;
      });
      await page.getByRole('button', { name: 'Copy a word' }).click();
      await shown(page, 'text=This page may not copy');
      await shown(page, 'text=stops WebSockets');
    },
  },
  {
    name: 'join',
    path: '/',
    prepare: fake => {
      fake.me.role = null;
    },
    reach: page => shown(page, 'input[name=code]'),
  },
  {
    name: 'join alone',
    path: '/#code=FOAL',
    prepare: fake => void Object.assign(fake.me, { role: null, alone: true }),
    reach: page => shown(page, 'text=Begin'),
  },
  {
    name: 'join failed',
    path: '/#code=FOAL',
    failing: true,
    prepare: fake => {
      fake.me.role = null;
      const error = {
        code: 'wrong-code',
        message: 'There is no workshop with the code "FOAL".',
        remedy: 'Your instructor has it; upper and lower case are the same.',
      };
      fake.answers.set('POST /api/join', { status: 403, body: { error } });
    },
    reach: async page => {
      await page.fill('input[name=name]', 'Ada');
      await page.click('text=Join');
      await shown(page, '.problem');
    },
  },
  {
    name: 'join before the start',
    path: '/#code=FOAL',
    prepare: fake => void Object.assign(fake.me, { role: null, startsAtMs: Date.now() + 20 * 3_600_000 }),
    reach: page => shown(page, '.join-start'),
  },
  {
    name: 'join by an organisation',
    path: '/#code=FOAL',
    prepare: fake => void Object.assign(fake.me, { role: null, organisation: 'login.example.org' }),
    reach: page => shown(page, 'text=Sign in at login.example.org'),
  },
  {
    name: 'join refused by an organisation',
    path: '/#refused=no-learner',
    prepare: fake => void Object.assign(fake.me, { role: null, organisation: 'login.example.org', byCode: false }),
    reach: page => shown(page, '.problem'),
  },
  {
    name: 'instructor refused by an organisation',
    path: '/instructor#refused=no-instructor',
    prepare: fake => void Object.assign(fake.me, { role: null, organisation: 'login.example.org' }),
    reach: page => shown(page, '.problem'),
  },
  {
    name: 'learner loading',
    path: lesson,
    prepare: fake => {
      fake.refusing = true;
    },
    reach: page => shown(page, '[data-state=loading]'),
  },
  {
    name: 'learner load failed',
    path: lesson,
    failing: true,
    prepare: fake =>
      void fake.answers.set('GET /api/workshop', {
        status: 500,
        body: {
          error: {
            code: 'internal',
            message: 'The workshop could not be read.',
            remedy: 'The server printed why; mend it, then try again.',
          },
        },
      }),
    reach: page => shown(page, '.problem'),
  },
  {
    name: 'learner first time',
    path: lesson,
    firstTime: true,
    prepare: () => {},
    reach: page => shown(page, '.welcome'),
  },
  {
    name: 'learner starting',
    path: lesson,
    prepare: fake => {
      fake.learner.sandbox = {
        phase: 'starting',
        steps: [
          { title: 'Find a place on this machine', done: true },
          { title: 'Make the sandbox', done: true },
          { title: 'Start the agent in it', done: false },
          { title: 'Bring your files', done: false },
        ],
      };
    },
    reach: async page => {
      await panes(page);
      await shown(page, '[data-phase=starting]');
    },
  },
  {
    name: 'learner queued',
    path: lesson,
    prepare: fake => {
      fake.learner.sandbox = { phase: 'queued', place: 3 };
    },
    reach: panes,
  },
  {
    name: 'learner sandbox failed',
    path: lesson,
    prepare: fake => {
      fake.learner.sandbox = {
        phase: 'failed',
        message: 'The sandbox did not start: crun is not installed.',
        remedy: 'On Debian and Ubuntu: sudo apt-get install crun. Then start it again.',
      };
    },
    reach: panes,
  },
  {
    name: 'learner ended',
    path: lesson,
    prepare: fake => {
      fake.learner.sandbox = { phase: 'ended', reason: 'It was not used for 30 min.' };
    },
    reach: panes,
  },
  { name: 'learner ready', path: lesson, prepare: inTheMiddle, reach: withTraffic },
  {
    name: 'learner explanation',
    path: lesson,
    prepare: inTheMiddle,
    reach: async (page, fake) => {
      await withTraffic(page, fake);
      await page.getByRole('button', { name: 'GET /flaky' }).click();
      await shown(page, 'dialog .decisions');
    },
  },
  {
    name: 'learner traces',
    path: tracing,
    prepare: fake => {
      fake.traces = someTraces();
    },
    reach: async page => {
      await panes(page);
      await page.locator('.waterfall button', { hasText: 'preference' }).click();
      await shown(page, '.span-tags');
    },
  },
  {
    name: 'learner traces of a failure',
    path: tracing,
    prepare: fake => {
      fake.traces = someTraces();
    },
    reach: async page => {
      await panes(page);
      await page.getByRole('option', { name: 'failed' }).click();
      await shown(page, '.waterfall .failed');
    },
  },
  {
    name: 'learner traces loading',
    path: tracing,
    prepare: fake => void fake.held.add('GET /api/traces'),
    reach: async page => {
      await panes(page);
      await shown(page, 'text=Asking for traces');
    },
  },
  {
    name: 'learner traces without a collector',
    path: tracing,
    prepare: () => {},
    reach: async page => {
      await panes(page);
      await shown(page, 'text=No collector runs yet');
    },
  },
  {
    name: 'learner traces empty',
    path: tracing,
    prepare: fake => {
      fake.traces = [];
    },
    reach: async page => {
      await panes(page);
      await shown(page, 'text=nobody told it of a request yet');
    },
  },
  {
    name: 'learner traces failed',
    path: tracing,
    failing: true,
    prepare: fake => {
      const message = 'What listens on port 9411 of your sandbox answers 404.';
      const error = { code: 'invalid', message, remedy: 'Start the collector: traces' };
      fake.answers.set('GET /api/traces', { status: 400, body: { error } });
    },
    reach: async page => {
      await panes(page);
      await shown(page, '.picture-pane .problem');
    },
  },
  {
    name: 'learner lesson',
    path: lesson,
    prepare: inTheMiddle,
    reach: async page => {
      await ready(page);
      await page.locator('.exercise').first().scrollIntoViewIfNeeded();
      await page.locator('.check.failed').first().scrollIntoViewIfNeeded();
    },
  },
  { name: 'learner empty', path: lesson, prepare: () => {}, reach: panes },
  {
    name: 'learner outline',
    path: lesson,
    prepare: inTheMiddle,
    reach: async page => {
      await ready(page);
      await page.click('button[aria-label=Outline]');
      await shown(page, '.outline');
    },
  },
  {
    name: 'learner reconnecting',
    path: lesson,
    prepare: inTheMiddle,
    failing: true,
    reach: async (page, fake) => {
      await withTraffic(page, fake);
      fake.cut();
      await shown(page, '.bar[data-state=reconnecting]');
      await shown(page, '.terminal-place.away');
    },
  },
  {
    name: 'learner saving paused',
    path: lesson,
    prepare: fake => {
      inTheMiddle(fake);
      fake.learner.savingPaused = true;
    },
    reach: async page => shown(page, '.bar[data-state=saving-paused]'),
  },
  {
    name: 'learner before a deletion',
    path: lesson,
    prepare: fake => {
      inTheMiddle(fake);
      fake.learner.deletesAtMs = Date.now() + 5 * 3_600_000;
    },
    reach: async page => shown(page, '.bar[data-state=deletion]'),
  },
  {
    name: 'learner split with editor',
    path: lesson,
    prepare: inTheMiddle,
    reach: async (page, fake) => {
      await withTraffic(page, fake);
      await page.click('button[aria-label=Split]');
      await page.getByRole('tab', { name: 'proxy.yaml' }).click();
      await shown(page, '.cm-line');
    },
  },
  {
    name: 'learner editor conflict',
    path: lesson,
    failing: true,
    prepare: fake => {
      inTheMiddle(fake);
      fake.answers.set('PUT /api/files', {
        status: 409,
        body: { error: { code: 'changed', message: 'The file changed.' } },
      });
    },
    reach: async page => {
      await panes(page);
      await page.getByRole('tab', { name: 'proxy.yaml' }).click();
      await page.locator('.cm-content').click();
      await page.keyboard.type('# mine');
      await page.keyboard.press('Control+s');
      await shown(page, '.editor .problem');
    },
  },
  {
    name: 'learner solving',
    path: lesson,
    prepare: fake => {
      inTheMiddle(fake);
      fake.learner.action = {
        kind: 'solve',
        lesson: '2.6',
        exercise: 'retry-three-times',
        failure: null,
        steps: [
          { title: 'Write proxy.yaml', done: true },
          { title: 'Stop the proxy', done: true },
          { title: 'proxy -c proxy.yaml', done: false },
          { title: 'curl -s proxy:15001/status/500', done: false },
        ],
      };
      fake.learner.messages = [{ id: '1', text: 'Break until 11:15. The proxy goes on.', atMs: Date.now() }];
    },
    reach: async page => {
      await ready(page);
      await page.locator('.exercise .action').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'learner passed',
    path: lesson,
    prepare: fake => {
      inTheMiddle(fake);
      const state = fake.learner.exercises['retry-three-times']!;
      fake.learner.exercises[state.id] = {
        ...state,
        passed: true,
        solvedBy: 'learner',
        checks: state.checks.map(({ id, title }) => ({ id, title, state: 'passed' })),
      };
    },
    reach: async page => {
      await ready(page);
      await page.locator('.exercise').first().scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'learner help',
    path: lesson,
    prepare: fake => {
      fake.learner.messages = [{ id: '1', text: 'Break until 11:15.', atMs: Date.now() }];
    },
    reach: async page => {
      await ready(page);
      await page.getByRole('button', { name: 'help', exact: true }).click();
      await page.click('text=Make a link');
      await shown(page, 'input[readonly]');
    },
  },
  {
    name: 'learner confirm',
    path: lesson,
    prepare: inTheMiddle,
    reach: async page => {
      await ready(page);
      await page.click('text=catch me up to here');
      await shown(page, 'dialog[open]');
    },
  },
  {
    name: 'slides first',
    path: '/slides',
    prepare: inTheMiddle,
    reach: page => shown(page, '.reveal section.present'),
  },
  {
    name: 'slides with a picture',
    path: '/slides/retries-hands-on',
    prepare: fake => {
      fake.learner.followSlide = 'retries-hands-on';
    },
    reach: page => shown(page, '.reveal section.present'),
  },
  {
    name: 'instructor sign in',
    path: '/instructor',
    prepare: fake => {
      fake.me.role = null;
    },
    reach: page => shown(page, 'input[type=password]'),
  },
  {
    name: 'instructor empty',
    path: '/instructor',
    prepare: fake => {
      fake.me.role = 'instructor';
    },
    reach: page => shown(page, 'text=Nobody is here yet'),
  },
  {
    name: 'instructor ready',
    path: '/instructor',
    prepare: aClass,
    reach: async page => {
      await shown(page, 'tr[data-learner]');
      await page.locator('tr[data-learner=grace] .name').click();
      await page.locator('tr[data-learner=alan] input').check();
    },
  },
  {
    name: 'instructor poster',
    path: '/instructor',
    prepare: aClass,
    reach: async page => {
      await page.click('text=show how to join');
      await shown(page, '.poster');
    },
  },
  {
    name: 'instructor class dialog',
    path: '/instructor',
    prepare: fake => {
      aClass(fake);
      fake.class.plan = {
        size: 60,
        startsAtMs: Date.now() + 3 * 3_600_000,
        deletesAtMs: Date.now() + 20 * 3_600_000,
      };
      fake.class.content = { revision: '0123456789ab', newest: 'ba9876543210', kept: true };
    },
    reach: async page => {
      await shown(page, '.bar[data-state=deletion]');
      await page.click('text=set up the class');
      await shown(page, '.class-form');
    },
  },
  {
    name: 'instructor reconnecting',
    path: '/instructor',
    prepare: aClass,
    reach: async (page, fake) => {
      await shown(page, 'tr[data-learner]');
      fake.cut();
      await shown(page, '.bar[data-state=reconnecting]');
    },
  },
];

export function aClass(fake: FakeServer): void {
  fake.me.role = 'instructor';
  const now = Date.now();
  const passed = (minutes: number, solvedBy: 'learner' | 'shown' = 'learner') => ({
    passed: true,
    openedAtMs: now - (minutes + 5) * 60_000,
    passedAtMs: now - minutes * 60_000,
    failures: 1,
    solvedBy,
  });
  const open = (minutes: number, failures: number) => ({
    passed: false,
    openedAtMs: now - minutes * 60_000,
    passedAtMs: null,
    failures,
    solvedBy: null,
  });
  fake.class.learners = [
    row('alan', 'Alan Turing', {
      exercises: { 'httpbin-answers': passed(40), 'first-route': passed(20), 'one-second': open(3, 0) },
      current: 'one-second',
      lesson: '2.4',
    }),
    row('grace', 'Grace Hopper', {
      exercises: {
        'httpbin-answers': passed(40),
        'first-route': passed(30, 'shown'),
        'one-second': passed(12),
        'retry-three-times': open(17, 6),
      },
      current: 'retry-three-times',
      lesson: '2.6',
      stuck: true,
      lastCheck: {
        exercise: 'retry-three-times',
        atMs: now - 20_000,
        check: {
          id: 'c',
          title: 'a failing request is tried four times',
          state: 'failed',
          expected: '4 tries reach httpbin',
          found: '1 try',
        },
      },
    }),
    row('mallory', hostileName, {
      online: false,
      lastSeenAtMs: now - 600_000,
      sandbox: { phase: 'ended', reason: 'not used' },
    }),
    row('zoe', 'Zoë Ångström', {
      exercises: { 'httpbin-answers': open(2, 1) },
      current: 'httpbin-answers',
      lesson: '2.1',
      lastCheck: {
        exercise: 'httpbin-answers',
        atMs: now - 4000,
        check: { id: 'c', title: 'httpbin listens', state: 'passed' },
      },
    }),
  ];
  fake.class.messages = [{ id: '1', text: 'Break until 11:15.', atMs: now - 120_000 }];
  fake.class.followSlide = 'retries-hands-on';
}
