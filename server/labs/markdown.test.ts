import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type LinkTargets, renderMarkdown } from './markdown.ts';

const problems: string[] = [];
const targets: LinkTargets = {
  lesson: path => (path === '../2.5/lesson.md' ? '2.5' : undefined),
  slide: path => (path === 's.md#xds' ? 'xds' : undefined),
  exercise: path => (path === 'lesson.yaml#a' ? 'a' : undefined),
  picture: path => (path === 'p.svg' ? '<svg></svg>' : undefined),
  problem: (line, message) => problems.push(`${line}: ${message}`),
};
const render = (text: string) => renderMarkdown(text, targets, { terminals: ['learner'] });

it('shows raw HTML as text', () => {
  const html = render('<img src=x onerror=alert(1)> <b>bold</b>\n\n<script>alert(1)</script>');
  assert.doesNotMatch(html, /<(img|b|script)/);
});

it('keeps quotes within attributes', () => {
  const html = render('```sh run\ncurl -H "x: \'<1>\'" a&b\n```');
  assert.match(html, /data-run="curl -H &quot;x: '&lt;1&gt;'&quot; a&amp;b"/);
});

it('lets links lead to web pages, slides and lessons alone', () => {
  assert.match(
    render('[a](https://envoyproxy.io)'),
    /href="https:\/\/envoyproxy.io" target="_blank" rel="noopener noref/,
  );
  assert.match(render('[a](s.md#xds)'), /<a data-slide="xds" href="#">/);
  assert.match(render('see [a](../2.5/lesson.md)'), /<a data-lesson="2.5" href="#">/);
  for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', '//evil.example'])
    assert.doesNotMatch(render(`[a](${bad})`), /href/);
  assert.equal(problems.length, 4);
});

it('gives exercises and pictures a place of their own', () => {
  assert.equal(render('[Exercise: a](lesson.yaml#a)').trim(), '<div data-exercise="a"></div>');
  assert.match(
    render('![what "it" shows](p.svg)'),
    /<figure class="picture" role="img" aria-label="what &quot;it&quot;/,
  );
});
