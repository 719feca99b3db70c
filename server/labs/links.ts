import { dirname, join, normalize, relative } from 'node:path';
import type { LinkTargets } from './markdown.ts';
import type { Problems } from './problems.ts';

/** Where everything of the content lies, so that links in Markdown can be plain relative paths that also work in an editor. */
export interface Places {
  /** Lesson ids by the path of their lesson.md. */
  lessons: Map<string, string>;
  /** Ids of slides by `FILE.md#ID`. */
  slides: Set<string>;
  /** Ids of exercises by `lesson.yaml#ID`. */
  exercises: Set<string>;
  /** SVG texts by path. */
  pictures: Map<string, string>;
  usedPictures: Set<string>;
}

export function emptyPlaces(): Places {
  return { lessons: new Map(), slides: new Set(), exercises: new Set(), pictures: new Map(), usedPictures: new Set() };
}

/** The targets of links in `file`. */
export function linkTargets(file: string, places: Places, problems: Problems): LinkTargets {
  const resolve = (path: string): string => normalize(join(dirname(file), path));
  const anchor = (path: string, known: Set<string>): string | undefined =>
    known.has(resolve(path)) ? path.slice(path.indexOf('#') + 1) : undefined;
  return {
    lesson: path => places.lessons.get(resolve(path)),
    slide: path => anchor(path, places.slides),
    exercise: path => anchor(path, places.exercises),
    picture: path => {
      places.usedPictures.add(resolve(path));
      return places.pictures.get(resolve(path));
    },
    problem: (line, message, remedy) => problems.add(file, line, message, remedy),
  };
}

const forbidden: [RegExp, string][] = [
  [/<script|<foreignObject|<iframe|<image|<style/i, 'an element that a picture may not hold'],
  [/\son[a-z]+\s*=/i, 'an event handler'],
  [/\sstyle\s*=/i, 'a style attribute (pages forbid them; use fill, stroke, font-size …)'],
  [/(?:href|src)\s*=\s*["'](?!#)/i, 'a link out of the picture'],
];

/** Looks through a picture of ours and strips what only a file needs. Its ids must begin with its name: many pictures share a page. */
export function checkPicture(file: string, svg: string, problems: Problems): string {
  const name = relative(dirname(file), file).replace(/\.svg$/, '');
  for (const [index, line] of svg.split('\n').entries()) {
    for (const [pattern, what] of forbidden) {
      if (pattern.test(line)) problems.add(file, index + 1, `the picture has ${what}`, 'Take it out.');
    }
    for (const match of line.matchAll(/\sid="([^"]*)"/g)) {
      if (!match[1]!.startsWith(name)) {
        problems.add(
          file,
          index + 1,
          `the id "${match[1]}" may occur in another picture too`,
          `Begin it with "${name}".`,
        );
      }
    }
  }
  return svg
    .replace(/^<\?xml[^>]*>\s*/, '')
    .replaceAll(/<!--.*?-->\s*/gs, '')
    .trim();
}
