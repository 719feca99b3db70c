/** Query parameters that a filter reads or takes away. */

interface Parameter {
  /** Decoded. */
  name: string;
  value: string;
  /** As it stands in the path. */
  text: string;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parametersOf(path: string): Parameter[] {
  const start = path.indexOf('?');
  if (start < 0) return [];
  const parts = path.slice(start + 1).split('&');
  return parts
    .filter(text => text !== '')
    .map(text => {
      const equals = text.indexOf('=');
      const end = equals < 0 ? text.length : equals;
      return { name: decode(text.slice(0, end)), value: decode(text.slice(end + 1)), text };
    });
}

/** The parameters of a path's query, decoded, the first of each name. */
export function decodedParameters(path: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const { name, value } of parametersOf(path)) if (!parameters.has(name)) parameters.set(name, value);
  return parameters;
}

/**
 * The path without a parameter. As in Envoy, the others are then sorted by name, each with its `=`. Unlike Envoy, which sends them on decoded, they
 * stay as the client wrote them: a path that holds a space is two words of the request line.
 */
export function withoutParameter(path: string, name: string): string {
  const kept = parametersOf(path).filter(parameter => parameter.name !== name);
  kept.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const query = kept.map(({ text }) => (text.includes('=') ? text : `${text}=`)).join('&');
  const bare = path.slice(0, path.indexOf('?'));
  return query === '' ? bare : `${bare}?${query}`;
}
