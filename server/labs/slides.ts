import type { Slide } from './content.ts';
import { type LinkTargets, renderInline, renderMarkdown } from './markdown.ts';
import type { Problems } from './problems.ts';

/** A slide as it stands in its file: Markdown between two lines of `---`. */
export interface SlideSource {
  id: string;
  title: string;
  /** The lesson that its heading names, if any. */
  lesson: string | null;
  text: string;
  notes: string;
  /** Where the heading stands, counted from 1. */
  line: number;
}

const heading = /^#{1,2} (.+?) \{#([a-z0-9-]+)(?: lesson=([0-9.]+))?\}$/;

/** Cuts a file of slides. Each begins with a heading `## Title {#id}`, may name a lesson `{#id lesson=2.4}`, and ends with its notes after `Note:`. */
export function parseSlides(file: string, content: string, problems: Problems): SlideSource[] {
  const slides: SlideSource[] = [];
  for (const { text, line } of cutAtRules(content)) {
    const slide = parseSlide(text, line);
    if (slide) slides.push(slide);
    else problems.add(file, line, 'a slide without a heading and an id', 'Begin it with "## Title {#id}".');
  }
  return slides;
}

function cutAtRules(content: string): { text: string[]; line: number }[] {
  const parts: { text: string[]; line: number }[] = [{ text: [], line: 1 }];
  let fenced = false;
  for (const [index, line] of content.split('\n').entries()) {
    if (line.startsWith('```')) fenced = !fenced;
    if (line === '---' && !fenced) parts.push({ text: [], line: index + 2 });
    else parts.at(-1)!.text.push(line);
  }
  return parts;
}

function parseSlide(lines: string[], startsAt: number): SlideSource | undefined {
  const first = lines.findIndex(line => line.trim() !== '');
  const match = heading.exec(lines[first] ?? '');
  if (!match) return undefined;
  const body = lines.slice(first + 1);
  const note = body.indexOf('Note:');
  return {
    title: match[1]!,
    id: match[2]!,
    lesson: match[3] ?? null,
    text: (note < 0 ? body : body.slice(0, note)).join('\n'),
    notes: note < 0 ? '' : body.slice(note + 1).join('\n'),
    line: startsAt + first,
  };
}

/** @param lesson the lesson that the slide leads to */
export function renderSlide(source: SlideSource, module: string, lesson: string | null, targets: LinkTargets): Slide {
  const titleHtml = renderInline(source.title, targets, source.line - 1);
  const offset = source.line;
  return {
    id: source.id,
    title: source.title.replaceAll(/[*_`]/g, ''),
    module,
    lesson,
    html: `<h2>${titleHtml}</h2>\n${renderMarkdown(source.text, targets, { offset })}`,
    notesHtml: renderMarkdown(source.notes, targets, { offset: offset + source.text.split('\n').length + 1 }),
  };
}
