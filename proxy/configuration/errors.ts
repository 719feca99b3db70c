/** What is wrong with a configuration, and where. */

/** A place in the configuration: keys and indexes from its root. */
export type Path = readonly (string | number)[];

/** Prints a path as Envoy does: `static_resources.listeners[0].name`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** A configuration that is refused. The message names the file and line, the path, and what is wrong, where they are known. */
export class ConfigurationError extends Error {
  readonly code = 'CONFIGURATION_REFUSED';
  readonly reason: string;
  readonly path: Path;
  readonly position: string;

  constructor(reason: string, { path = [], position = '' }: { path?: Path; position?: string } = {}) {
    super([position, formatPath(path), reason].filter(part => part !== '').join(': '));
    this.name = 'ConfigurationError';
    this.reason = reason;
    this.path = path;
    this.position = position;
  }
}
