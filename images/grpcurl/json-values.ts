/** Takes a text apart into the JSON values that stand in it, one after the other. @throws SyntaxError */
export function jsonValues(text: string): unknown[] {
  const values: unknown[] = [];
  let depth = 0;
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') {
      depth--;
      if (depth > 0) continue;
      values.push(JSON.parse(text.slice(start, at + 1)));
      start = at + 1;
    }
  }
  // What is left is a value that is no object, or not whole.
  if (text.slice(start).trim() !== '') values.push(JSON.parse(text.slice(start)));
  return values;
}
