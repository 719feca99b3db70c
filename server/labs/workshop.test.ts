import assert from 'node:assert/strict';
import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { lessonPage, outline, slideDeck } from './pages.ts';
import { ContentError, formatProblem } from './problems.ts';
import { loadWorkshop } from './workshop.ts';

const labs = resolve(import.meta.dirname, '../../labs');

/** Loads a copy of the workshop after `change`; answers its mistakes as lint prints them. */
async function mistakes(change: (folder: string) => Promise<void>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'unicorn-content-'));
  try {
    await cp(labs, folder, { recursive: true });
    await change(folder);
    await loadWorkshop(folder);
    return [];
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    return error.problems.map(problem => formatProblem(problem, folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const retries = 'lessons/2.6-retries/lesson';
async function replace(file: string, text: string, by: string): Promise<void> {
  const content = await readFile(file, 'utf8');
  assert.ok(content.includes(text), `${file} has no "${text}"`);
  await writeFile(
    file,
    content.replace(text, () => by),
  );
}

describe('the workshop of the repo', () => {
  it('has lessons 1.1 to 1.3, 2.1 to 2.25 in order, and links slides both ways', async () => {
    const workshop = await loadWorkshop(labs);
    assert.deepEqual(
      [...workshop.lessons.keys()],
      [
        '1.1',
        '1.2',
        '1.3',
        '2.1',
        '2.2',
        '2.3',
        '2.4',
        '2.5',
        '2.6',
        '2.7',
        '2.8',
        '2.9',
        '2.10',
        '2.11',
        '2.12',
        '2.13',
        '2.14',
        '2.15',
        '2.16',
        '2.17',
        '2.18',
        '2.19',
        '2.20',
        '2.21',
        '2.22',
        '2.23',
        '2.24',
        '2.25',
      ],
    );
    assert.match(outline(workshop).author, /Christian Posta/);
    const slides = new Map(slideDeck(workshop).slides.map(slide => [slide.id, slide]));
    for (const lesson of workshop.lessons.values()) assert.equal(slides.get(lesson.slide ?? '')?.lesson, lesson.id);
    const page = lessonPage(workshop, '2.3');
    assert.equal(page?.previous, '2.2');
    assert.equal(page?.next, '2.4');
    assert.match(page?.html ?? '', /<pre data-run="proxy -c proxy.yaml" data-terminal="proxy">/);
    assert.match(page?.html ?? '', /<div data-exercise="first-route"><\/div>/);
    assert.equal(lessonPage(workshop, '9.9'), undefined);
  });

  it('carries over every bullet of the deck', async () => {
    const text = slideDeck(await loadWorkshop(labs))
      .slides.map(slide => `${slide.html} ${slide.notesHtml}`)
      .join('\n')
      .replaceAll(/<[^>]+>/g, '');
    const terms =
      'Hystrix, Zuul, Ribbon, Eureka, Brave, Spectator, vertx-circuit-breaker, vertx-zipkin, Perl, bulkheading, adaptive routing, deadlines, back pressure, outlier detection, request shadowing, dark launches, fault injection, xDS, Zone aware, Matt Klein, hub.docker.io, tutum/curl, citizenstig/httpbin, Pilot, Mixer, Mutual TLS, istio-system, istio-samples, OpenShift 3.7, 150|hundred and fifty';
    for (const term of terms.split(', ')) assert.match(text, new RegExp(term, 'i'));
  });

  it('tells no page what is right', async () => {
    const workshop = await loadWorkshop(labs);
    for (const id of workshop.lessons.keys()) {
      for (const { question, checks } of lessonPage(workshop, id)?.exercises ?? []) {
        if (question?.kind === 'quiz')
          for (const one of question.options) assert.deepEqual(Object.keys(one), ['id', 'html']);
        if (question?.kind === 'answer') assert.deepEqual(Object.keys(question), ['kind', 'label']);
        for (const one of checks) assert.deepEqual(Object.keys(one), ['id', 'title']);
      }
    }
  });
});

describe('mistakes are named with file and line', () => {
  const cases: [string, string, string, string, RegExp][] = [
    [
      'an unknown key',
      `${retries}.yaml`,
      'minutes: 12',
      'minutes: 12\nminute: 3',
      /lesson\.yaml:5: unknown key "minute"/,
    ],
    [
      'a wrong type',
      `${retries}.yaml`,
      'core: true',
      'core: maybe',
      /lesson\.yaml:5: the value must be boolean at core/,
    ],
    ['broken YAML', `${retries}.yaml`, 'core: true', 'core: [true', /lesson\.yaml:\d+: /],
    ['an unknown check', `${retries}.yaml`, 'type: stats', 'type: statistics', /unknown type "statistics"/],
    [
      'an unknown key in a check',
      `${retries}.yaml`,
      'type: stats',
      'type: stats\n        colour: red',
      /unknown key "colour"/,
    ],
    [
      'a missing file',
      `${retries}.yaml`,
      'from: solution/proxy.yaml',
      'from: solution/none.yaml',
      /none\.yaml does not exist/,
    ],
    [
      'a file of somebody else',
      `${retries}.yaml`,
      'from: solution/proxy.yaml',
      'from: ../../../none.yaml',
      /lesson\.yaml:\d+: .*none\.yaml lies outside of the workshop's folder/,
    ],
    ['an unknown slide', `${retries}.yaml`, 'slide: retries-hands-on', 'slide: nowhere', /no slide "nowhere"/],
    [
      'a later exercise',
      `${retries}.yaml`,
      'first-route, one-second',
      'limit-exceeded',
      /no exercise "limit-exceeded" in an earlier/,
    ],
    [
      'an unknown check in a near-miss',
      `${retries}.yaml`,
      'fails: timeout-kept',
      'fails: nothing',
      /no check "nothing"/,
    ],
    [
      'a file that is not given',
      'lessons/2.21-one-port/lesson.yaml',
      'client: { certificate: till.crt',
      'client: { certificate: tell.crt',
      /lesson\.yaml:\d+: the lesson gives no file "tell\.crt"/,
    ],
    [
      'an id that is taken',
      `${retries}.yaml`,
      '- id: limit-exceeded',
      '- id: one-second',
      /exercise id "one-second" is taken/,
    ],
    [
      'a link to nowhere',
      `${retries}.md`,
      '# Retries',
      '# Retries\n\n[x](../2.9-none/lesson.md)',
      /lesson\.md:3: the link .* leads nowhere/,
    ],
    ['a script as a link', `${retries}.md`, '# Retries', '# Retries\n\n[x](javascript:alert(1))', /leads nowhere/],
    ['an unknown terminal', `${retries}.md`, 'run terminal=proxy', 'run terminal=shell', /no terminal "shell"/],
    ['an unknown word after a fence', `${retries}.md`, 'run terminal=proxy', 'runn', /unknown word "runn"/],
    ['too much to read', `${retries}.md`, 'A **retry** asks again', 'word '.repeat(121), /more than 120 words/],
    [
      'an exercise without a place',
      `${retries}.md`,
      '(lesson.yaml#limit-exceeded)',
      '(lesson.yaml)',
      /"limit-exceeded" has no place/,
    ],
    [
      'a missing picture',
      'slides/1-meet-envoy.md',
      'pictures/xds.svg',
      'pictures/none.svg',
      /picture pictures\/none\.svg does not exist/,
    ],
    ['a slide without an id', 'slides/1-meet-envoy.md', ' {#xds}', '', /slide without a heading and an id/],
    [
      'a script in a picture',
      'slides/pictures/xds.svg',
      '<title>',
      '<script>1</script><title>',
      /xds\.svg:2: the picture has an element/,
    ],
  ];
  for (const [name, file, text, by, expected] of cases) {
    it(name, async () => {
      const found = await mistakes(folder => replace(join(folder, file), text, by));
      assert.ok(
        found.some(line => expected.test(line)),
        found.join('\n') || 'no mistake was found',
      );
    });
  }

  it('all at once', async () => {
    const found = await mistakes(async folder => {
      await replace(join(folder, `${retries}.md`), 'run terminal=proxy', 'run terminal=shell');
      await appendFile(join(folder, 'slides/1-meet-envoy.md'), '\n[x](nowhere.md)\n');
    });
    assert.equal(found.length, 2, found.join('\n'));
  });
});
