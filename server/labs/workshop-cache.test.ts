import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { Workshop } from './content.ts';
import { ContentError, formatProblem } from './problems.ts';
import { loadWorkshop } from './workshop.ts';
import { loadCachedWorkshop } from './workshop-cache.ts';

const labs = resolve(import.meta.dirname, '../../labs');
const firstText = 'lessons/2.1-httpbin/lesson.md';
const longAgo = new Date('2001-01-01');

/** A copy of the workshop, and a cache of it that was written long ago, so that one that is made again is told apart. */
async function cachedCopy(context: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'unicorn-cache-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const content = join(folder, 'labs');
  const file = join(folder, 'workshop.cache');
  await cp(labs, content, { recursive: true });
  const load = () => loadCachedWorkshop(content, file, error => assert.fail(error));
  await load();
  await utimes(file, longAgo, longAgo);
  return { folder, content, file, load };
}

/** Whether the cache is the one of `cachedCopy` still. */
async function isOld(file: string): Promise<boolean> {
  return (await stat(file)).mtimeMs === longAgo.getTime();
}

const html = (workshop: Workshop): string => workshop.lessons.get('2.1')?.html ?? '';

test('what comes from the cache is what was loaded, with the same objects in every place', async context => {
  const { content, file, load } = await cachedCopy(context);
  const cached = await load();
  assert.ok(await isOld(file), 'the cache was not used');
  assert.deepEqual(cached, await loadWorkshop(content));
  const [first] = cached.modules.flatMap(module => module.lessons);
  assert.equal(first, cached.lessons.get(first?.id ?? ''));
});

test('a change of the content, or a new file, is seen', async context => {
  const { content, file, load } = await cachedCopy(context);
  await appendFile(join(content, firstText), '\nA new end.\n');
  assert.match(html(await load()), /A new end\./);
  assert.ok(!(await isOld(file)));
  await writeFile(join(content, 'slides/pictures/unused.svg'), '<svg/>');
  await assert.rejects(load(), /unused\.svg:1: a picture that nothing shows/);
});

test('a mistake is named with its file and line, though what was there before is cached', async context => {
  const { content, load } = await cachedCopy(context);
  await appendFile(join(content, firstText), '\n[x](nowhere.md)\n');
  const lines = (await readFile(join(content, firstText), 'utf8')).split('\n').length - 1;
  for (let time = 0; time < 2; time++) {
    const error = await load().catch(thrown => thrown);
    assert.ok(error instanceof ContentError);
    assert.match(
      error.problems.map(problem => formatProblem(problem, content)).join('\n'),
      new RegExp(`^${firstText}:${lines}: the link nowhere.md leads nowhere`),
    );
  }
});

/** How many the repo has. */
const lessons = (await readdir(join(labs, 'lessons'))).length;

test('a damaged cache, or one of another Unicorn, is ignored and made again', async context => {
  const { file, load } = await cachedCopy(context);
  const whole = await readFile(file);
  const other = Buffer.from(whole);
  other.writeUInt8(other.readUInt8(0) ^ 1, 0);
  const flipped = Buffer.from(whole);
  flipped.writeUInt8(flipped.readUInt8(whole.length - 9) ^ 1, whole.length - 9);
  for (const bytes of [other, flipped, whole.subarray(0, whole.length / 2), whole.subarray(0, 64), Buffer.alloc(0)]) {
    await writeFile(file, bytes);
    await utimes(file, longAgo, longAgo);
    assert.equal((await load()).lessons.size, lessons);
    assert.ok(!(await isOld(file)), 'it was not made again');
    assert.ok((await readFile(file)).equals(whole), 'it is not as before');
  }
});

test('where it cannot be written the workshop is loaded all the same', async context => {
  const { folder, content } = await cachedCopy(context);
  const troubles: Error[] = [];
  const workshop = await loadCachedWorkshop(content, join(folder, 'nowhere/cache'), error => troubles.push(error));
  assert.equal(workshop.lessons.size, lessons);
  assert.match(String(troubles), /ENOENT/);
  assert.deepEqual((await readdir(folder)).sort(), ['labs', 'workshop.cache']);
});

test('content that is linked from elsewhere is not cached, since its changes would not be seen', async context => {
  const { folder, content, file, load } = await cachedCopy(context);
  const lesson = join(content, 'lessons/2.1-httpbin');
  await cp(lesson, join(folder, 'elsewhere'), { recursive: true });
  await rm(lesson, { recursive: true });
  await symlink(join(folder, 'elsewhere'), lesson);
  await load();
  await appendFile(join(folder, 'elsewhere/lesson.md'), '\nA new end.\n');
  assert.match(html(await load()), /A new end\./);
  assert.ok(await isOld(file));
});

test('a start from the cache does not load what reads content', async context => {
  const { content, file } = await cachedCopy(context);
  const program = `
    const { registerHooks } = await import('node:module');
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { loadCachedWorkshop } = await import(${JSON.stringify(resolve(import.meta.dirname, 'workshop-cache.ts'))});
    const { lessons } = await loadCachedWorkshop(${JSON.stringify(content)}, ${JSON.stringify(file)}, error => { throw error; });
    console.log(JSON.stringify({ lessons: lessons.size, modules: loaded.filter(url => !url.startsWith('node:')).length }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  assert.deepEqual(JSON.parse(stdout), { lessons, modules: 2 });
});
