import { type ComponentChildren, h, type VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import { goToLesson } from '../state/lessons.ts';
import { navigate, pathOf } from '../state/route.ts';

/** Draws an element of the content in a way of its own; `undefined` leaves it as it is. */
export type Replace = (element: Element, key: number) => VNode | null | undefined;

/** Content from the server as components: what runs scripts is left out a second time, links of ours stay in the page. */
export function Html({ html, replace }: { html: string; replace?: Replace }) {
  const body = useMemo(() => new DOMParser().parseFromString(html, 'text/html').body, [html]);
  return <>{childrenOf(body, replace)}</>;
}

const refused = new Set(['script', 'style', 'iframe', 'object', 'embed', 'base', 'link', 'meta', 'form']);

function childrenOf(parent: Node, replace: Replace | undefined): ComponentChildren[] {
  return [...parent.childNodes].map((node, index) => render(node, index, replace));
}

function render(node: Node, key: number, replace: Replace | undefined): ComponentChildren {
  if (node.nodeType === Node.TEXT_NODE) return node.textContent;
  if (!(node instanceof Element) || refused.has(node.localName)) return null;
  const replaced = replace?.(node, key);
  if (replaced !== undefined) return replaced;
  const link = replaceLink(node, key, replace);
  if (link !== undefined) return link;
  const tag = node.localName === 'h1' ? 'h2' : node.localName;
  return h(tag, { ...attributesOf(node), key }, ...childrenOf(node, replace));
}

function attributesOf(element: Element): Record<string, string | number> {
  const attributes: Record<string, string | number> = {};
  for (const { name, value } of element.attributes) if (isHarmless(name, value)) attributes[name] = value;
  // What may scroll must be reachable without a mouse.
  if (element.localName === 'pre') Object.assign(attributes, { tabIndex: 0, role: 'group', 'aria-label': 'Code' });
  return attributes;
}

function isHarmless(name: string, value: string): boolean {
  return !name.startsWith('on') && !/^\s*(javascript|data|vbscript):/i.test(value);
}

function replaceLink(element: Element, key: number, replace: Replace | undefined): VNode | undefined {
  if (element.localName !== 'a') return undefined;
  const lesson = element.getAttribute('data-lesson');
  const slide = element.getAttribute('data-slide');
  if (lesson === null && slide === null) return undefined;
  const to = lesson !== null ? pathOf({ view: 'lesson', lesson }) : pathOf({ view: 'slides', slide });
  const follow = (event: Event) => {
    event.preventDefault();
    if (lesson !== null) goToLesson(lesson);
    else navigate({ view: 'slides', slide });
  };
  return (
    <a key={key} href={to} class={lesson === null ? 'to-slide' : 'to-lesson'} onClick={follow}>
      {childrenOf(element, replace)}
    </a>
  );
}
