import markdownIt, { type MarkdownIt, type Token } from 'markdown-it';

/** What a link in the content may lead to, besides http and https addresses. */
export interface LinkTargets {
  /** The id of the lesson at this path, as written in the link. */
  lesson(path: string): string | undefined;
  /** The id of the slide at this path. */
  slide(path: string): string | undefined;
  /** The id of the exercise at this path. */
  exercise(path: string): string | undefined;
  /** A picture of our own as SVG text. */
  picture(path: string): string | undefined;
  /** Something in this text leads nowhere, or may not be there. */
  problem(line: number, message: string, remedy: string): void;
}

interface Environment {
  targets: LinkTargets;
  terminals: readonly string[];
  /** Lines of the file before this text. */
  offset: number;
}

/**
 * Renders Markdown of the content to HTML. Sanitized by construction: raw HTML is text, links lead to http(s) addresses, lessons and slides alone, and
 * pictures are files of ours that were looked through when loaded.
 */
export function renderMarkdown(
  text: string,
  targets: LinkTargets,
  options: { terminals?: readonly string[]; offset?: number } = {},
): string {
  return makeRenderer(environmentOf(targets, options)).render(text);
}

/** Renders one line, without a paragraph around it. */
export function renderInline(text: string, targets: LinkTargets, offset = 0): string {
  return makeRenderer(environmentOf(targets, { offset })).renderInline(text);
}

function environmentOf(targets: LinkTargets, options: { terminals?: readonly string[]; offset?: number }): Environment {
  return { targets, terminals: options.terminals ?? [], offset: options.offset ?? 0 };
}

function makeRenderer(environment: Environment): MarkdownIt {
  const markdown = markdownIt({ html: false, linkify: false, typographer: false });
  // resolveLink refuses what is neither https nor ours; markdown-it would print such a link as text and hide the mistake.
  markdown.validateLink = () => true;
  markdown.core.ruler.push('content', state => {
    for (const [index, token] of state.tokens.entries()) {
      if (token.type === 'inline') resolveInline(token, state.tokens, index, environment);
    }
  });
  markdown.renderer.rules.fence = (tokens, index) => renderFence(tokens[index]!, environment);
  markdown.renderer.rules.picture = (tokens, index) => tokens[index]!.content;
  return markdown;
}

/** A paragraph that holds only a link to an exercise, or only a picture, becomes the exercise's place, or the figure. */
function resolveInline(token: Token, tokens: Token[], index: number, environment: Environment): void {
  const children = token.children ?? [];
  const line = environment.offset + (token.map?.[0] ?? 0) + 1;
  const alone = tokens[index - 1]?.type === 'paragraph_open';
  const first = children[0];
  if (alone && first?.type === 'link_open' && children.at(-1)?.type === 'link_close') {
    const exercise = environment.targets.exercise(String(first.attrGet('href')));
    if (exercise !== undefined && children.filter(child => child.type === 'link_open').length === 1) {
      replaceParagraph(tokens, index, `<div data-exercise="${escapeHtml(exercise)}"></div>\n`);
      return;
    }
  }
  if (alone && children.length === 1 && first?.type === 'image') {
    replaceParagraph(tokens, index, pictureOf(first, line, environment));
    return;
  }
  for (const child of children) {
    if (child.type === 'link_open') resolveLink(child, line, environment);
    if (child.type === 'image') {
      environment.targets.problem(line, 'a picture within a line', 'Give it a paragraph of its own.');
    }
  }
}

function replaceParagraph(tokens: Token[], index: number, html: string): void {
  const [open, token, close] = [tokens[index - 1]!, tokens[index]!, tokens[index + 1]!];
  open.hidden = true;
  close.hidden = true;
  token.type = 'picture';
  token.content = html;
  token.children = [];
}

function pictureOf(image: Token, line: number, environment: Environment): string {
  const path = String(image.attrGet('src'));
  const svg = environment.targets.picture(path);
  if (svg === undefined) {
    environment.targets.problem(
      line,
      `the picture ${path} does not exist`,
      'Pictures are SVG files in labs/slides/pictures/.',
    );
    return '';
  }
  if (!image.content) environment.targets.problem(line, `the picture ${path} has no text`, 'Say in [] what it shows.');
  return `<figure class="picture" role="img" aria-label="${escapeHtml(image.content)}">${svg}</figure>\n`;
}

function resolveLink(link: Token, line: number, environment: Environment): void {
  const href = String(link.attrGet('href'));
  if (/^https?:\/\//.test(href)) {
    link.attrs = [
      ['href', href],
      ['target', '_blank'],
      ['rel', 'noopener noreferrer'],
    ];
    return;
  }
  const slide = environment.targets.slide(href);
  const lesson = environment.targets.lesson(href);
  if (slide !== undefined) link.attrs = [['data-slide', slide]];
  else if (lesson !== undefined) link.attrs = [['data-lesson', lesson]];
  else {
    link.attrs = [];
    environment.targets.problem(
      line,
      `the link ${href} leads nowhere`,
      'Links lead to https addresses, to a lesson.md, or to FILE.md#SLIDE.',
    );
    return;
  }
  link.attrs.push(['href', '#']);
}

/** "sh run terminal=learner" marks a command that a click types into that terminal. */
function renderFence(token: Token, environment: Environment): string {
  const [language = '', ...words] = token.info.trim().split(/\s+/);
  const code = `<code class="language-${escapeHtml(language)}">${escapeHtml(dedent(token.content))}</code>`;
  const line = environment.offset + (token.map?.[0] ?? 0) + 1;
  let run = false;
  let terminal = environment.terminals[0] ?? 'learner';
  for (const word of words) {
    if (word === 'run') run = true;
    else if (word.startsWith('terminal=')) terminal = word.slice('terminal='.length);
    else environment.targets.problem(line, `an unknown word "${word}" after \`\`\``, 'Known: run, terminal=NAME.');
  }
  if (!run) return `<pre>${code}</pre>\n`;
  if (!environment.terminals.includes(terminal)) {
    environment.targets.problem(
      line,
      `the lesson has no terminal "${terminal}"`,
      `It has: ${environment.terminals.join(', ')}.`,
    );
  }
  return `<pre data-run="${escapeHtml(token.content.trimEnd())}" data-terminal="${escapeHtml(terminal)}">${code}</pre>\n`;
}

/** Without the indentation that all lines share: an excerpt from deep within a file would else be mostly margin. */
function dedent(text: string): string {
  const lines = text.split('\n');
  const depths = lines.filter(line => line.trim() !== '').map(line => line.search(/\S/));
  const shared = Math.min(...depths);
  return shared > 0 && Number.isFinite(shared) ? lines.map(line => line.slice(shared)).join('\n') : text;
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
