/** /stats as a page: the text, readable in a browser. */

/** Wraps the text of the stats. */
export function statsAsPage(body: string): string {
  const escaped = body.replace(/[&<>]/g, character => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character] ?? '');
  return `<!DOCTYPE html>\n<html lang='en'>\n<head>\n  <title>Proxy Admin: stats</title>\n</head>\n<body>\n<pre>\n${escaped}</pre>\n</body>\n</html>\n`;
}
