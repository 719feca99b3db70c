import type { Endpoint } from './endpoints.ts';

/** The page at /: the endpoints, those that a GET shows as links. */
export function indexPage(table: Endpoint[]): string {
  const rows = table.map(({ methods, path, example, summary }) => {
    const shown = example ? `<a href="${escaped(example)}">${escaped(path)}</a>` : escaped(path);
    return `<tr><td>${methods === '*' ? 'any' : methods[0]}<td><code>${shown}</code><td>${escaped(summary)}`;
  });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>httpbin</title>
<style>body{font:16px/1.5 system-ui;margin:2em}td{padding:2px 16px 2px 0;vertical-align:top}</style>
<h1>httpbin</h1><p>Answers with what it was sent, and with what it was asked for.
<table>${rows.join('\n')}</table>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
