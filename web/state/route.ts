import { signal } from '@preact/signals';

/** What the address names. */
export type Route =
  | { view: 'start' }
  | { view: 'lesson'; lesson: string }
  | { view: 'slides'; slide: string | null }
  | { view: 'instructor' }
  | { view: 'check' };

/** Reads a path such as `/lessons/2.6`. What is unknown is the start. */
export function parseRoute(path: string): Route {
  const [view, id] = path.split('/').filter(Boolean).map(decode);
  if (view === 'instructor' || view === 'check') return { view };
  if (view === 'lessons' && id !== undefined) return { view: 'lesson', lesson: id };
  if (view === 'slides') return { view, slide: id ?? null };
  return { view: 'start' };
}

/** The path of a route; the other way of `parseRoute`. */
export function pathOf(route: Route): string {
  if (route.view === 'instructor') return '/instructor';
  if (route.view === 'check') return '/check';
  if (route.view === 'lesson') return `/lessons/${encodeURIComponent(route.lesson)}`;
  if (route.view === 'slides') return route.slide === null ? '/slides' : `/slides/${encodeURIComponent(route.slide)}`;
  return '/';
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = signal<Route>({ view: 'start' });

/** Goes somewhere; `replace` leaves no entry in the history. */
export function navigate(to: Route, replace = false): void {
  const path = pathOf(to);
  if (path !== location.pathname) history[replace ? 'replaceState' : 'pushState'](null, '', path);
  route.value = to;
}

/** Follows the browser's back and forward. */
export function followHistory(): void {
  route.value = parseRoute(location.pathname);
  addEventListener('popstate', () => {
    route.value = parseRoute(location.pathname);
  });
}

const secrets = ['code', 'key', 'secret'];

/** A link that was opened where the page is open already changes the fragment alone: begin anew with it. */
export function followFragment(): void {
  addEventListener('hashchange', () => {
    const given = new URLSearchParams(location.hash.slice(1));
    if (secrets.some(name => given.has(name))) location.reload();
  });
}

/** Takes the secrets out of the address's fragment, and the fragment out of the address and the history. */
export function takeFragment(): URLSearchParams {
  const parameters = new URLSearchParams(location.hash.slice(1));
  if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search);
  return parameters;
}
