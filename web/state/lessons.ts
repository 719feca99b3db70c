import { computed, signal } from '@preact/signals';
import type { LessonOutline, LessonPage } from '../../server/api.ts';
import { asFailure, get, post, type RequestFailure } from '../api/request.ts';
import { act, learner, lessons } from './learner.ts';
import { navigate } from './route.ts';

/** The lesson that is open, and what failed while it was loading. */
export const lesson = signal<LessonPage | null>(null);
export const lessonFailure = signal<RequestFailure | null>(null);
const pages = new Map<string, LessonPage>();
let wanted: string | null = null;

/** Shows a lesson, and tells the server that the learner looks at it. */
export async function openLesson(id: string): Promise<void> {
  wanted = id;
  lessonFailure.value = null;
  if (lesson.peek()?.id !== id) lesson.value = pages.get(id) ?? null;
  try {
    const page = pages.get(id) ?? (await get<LessonPage>(`/api/lessons/${encodeURIComponent(id)}`));
    pages.set(id, page);
    if (wanted === id) lesson.value = page;
  } catch (cause) {
    if (wanted === id) lessonFailure.value = asFailure(cause);
    return;
  }
  if (wanted === id) await act(() => post(`/api/lessons/${encodeURIComponent(id)}/open`));
}

/** Whether a lesson was done: all its exercises passed. A lesson without exercises never is. */
export function lessonDone(one: LessonOutline): boolean {
  const states = learner.value?.exercises ?? {};
  return one.exercises.length > 0 && one.exercises.every(exercise => states[exercise.id]?.passed === true);
}

/** Where to go on: the lesson last open, else the first that is not done. */
export const resumeAt = computed<string | null>(() => {
  const all = lessons.value;
  const last = learner.value?.lesson;
  if (last !== null && last !== undefined && all.some(one => one.id === last)) return last;
  return (all.find(one => one.exercises.length > 0 && !lessonDone(one)) ?? all[0])?.id ?? null;
});

export const goToLesson = (id: string): void => navigate({ view: 'lesson', lesson: id });

/** A lesson's number and title, such as `2.6 Retries`; ids that are no numbers are not shown. */
export function titleOf(one: { id: string; title: string }): string {
  return /^\d+(\.\d+)*$/.test(one.id) && !one.title.startsWith(one.id) ? `${one.id} ${one.title}` : one.title;
}
