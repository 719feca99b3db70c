/**
 * Paths by templates: `/videos/{file}.m4s` matches, and names what stands in the braces for another template to put elsewhere.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/path/match/uri_template/v3/uri_template_match.proto
 */

/** What RFC 3986 lets stand in a part of a path, but for `*`: in literals Envoy takes that for a part of its regular expression. */
const literal = "a-zA-Z0-9\\-._~%!$&'()+,;=:@";
const literalText = new RegExp(`^[${literal}]+$`);
const rewriteText = new RegExp(`^[${literal}/]+$`);
const oneSegment = `[*${literal}]+`;
const anySegments = `[*${literal}/]*`;
const mostVariables = 5;
const longestName = 16;

/** The regular expression for the whole path that a template stands for. @throws Error in Envoy's words */
export function templatePattern(template: string): RegExp {
  const refuse = (reason: string) => new Error(`path_match_policy.path_template ${template} is invalid: ${reason}`);
  return new TemplateReader(template, refuse).read();
}

class TemplateReader {
  readonly #template: string;
  readonly #refuse: (reason: string) => Error;
  readonly #names = new Set<string>();
  #sawAny = false;

  constructor(template: string, refuse: (reason: string) => Error) {
    this.#template = template;
    this.#refuse = refuse;
  }

  read(): RegExp {
    const template = this.#template;
    if (!/^\/[\x21-\x7e]*$/.test(template)) throw this.#refuse(`Invalid pattern: "${template}"`);
    let pattern = '';
    for (let rest = template.slice(1); rest !== ''; ) {
      const [segment, after] = this.#segment(rest);
      pattern += `/${segment}`;
      rest = after;
      if (rest === '/') pattern += '/';
      if (rest.startsWith('/')) rest = rest.slice(1);
      else if (rest !== '') {
        const [suffix, more] = this.#literal(rest);
        if (more !== '') throw this.#refuse('Prefix match not supported.');
        pattern += suffix;
        rest = '';
      }
    }
    return new RegExp(`^${pattern === '' ? '/' : pattern}$`);
  }

  /** The first segment as a pattern, and what follows it. */
  #segment(text: string): [pattern: string, rest: string] {
    if (text.startsWith('*')) return this.#glob(text);
    return /^([^/{]*\{[^/]*\}|\{)/.test(text) ? this.#mixed(text) : this.#literal(text);
  }

  /** A variable, with what stands around it. */
  #mixed(text: string): [pattern: string, rest: string] {
    const start = text.indexOf('{');
    const [before] = start > 0 ? this.#literal(text.slice(0, start), 'prefix literal') : [''];
    const [variable, rest] = this.#variable(text.slice(start));
    if (rest === '' || rest.startsWith('/')) return [before + variable, rest];
    const [after, left] = this.#literal(rest, 'suffix literal');
    return [before + variable + after, left];
  }

  #literal(text: string, what = 'literal'): [pattern: string, rest: string] {
    const found = text.split('/', 1)[0]!;
    if (!literalText.test(found)) throw this.#refuse(`Invalid ${what}: "${found}"`);
    return [found.replace(/[$()+.]/g, '\\$&'), text.slice(found.length)];
  }

  #glob(text: string): [pattern: string, rest: string] {
    if (this.#sawAny) throw this.#refuse('Glob after text glob.');
    const any = text.startsWith('**');
    this.#sawAny = any;
    return any ? [anySegments, text.slice(2)] : [oneSegment, text.slice(1)];
  }

  #variable(text: string): [pattern: string, rest: string] {
    const end = text.indexOf('}');
    if (end < 0) throw this.#refuse(`Unmatched variable bracket in mixed pattern: "${text}"`);
    const [, name = '', equals = '', parts = ''] = /^([^=]*)(=?)(.*)$/s.exec(text.slice(1, end))!;
    this.#take(name);
    const rest = text.slice(end + 1);
    if (equals === '') {
      if (this.#sawAny) throw this.#refuse('Implicit variable path glob after text glob.');
      return [`(?<${name}>${oneSegment})`, rest];
    }
    if (parts === '') throw this.#refuse('Empty variable match');
    return [`(?<${name}>${this.#parts(parts)})`, rest];
  }

  #take(name: string): void {
    if (!/^[a-zA-Z][a-zA-Z0-9_]*$/.test(name)) throw this.#refuse(`Invalid variable name: "${name}"`);
    if (this.#names.size >= mostVariables) throw this.#refuse(`Exceeded variable count limit (${mostVariables})`);
    if (name.length > longestName) {
      const limits = `at least 1 and no more than ${longestName}`;
      throw this.#refuse(`Invalid variable name length (length of "${name}" should be ${limits})`);
    }
    if (this.#names.has(name)) throw this.#refuse(`Repeated variable name: "${name}"`);
    this.#names.add(name);
  }

  /** What a variable stands for. */
  #parts(text: string): string {
    const patterns: string[] = [];
    for (let rest = text; rest !== ''; ) {
      const [pattern, after] = rest.startsWith('*') ? this.#glob(rest) : this.#literal(rest);
      patterns.push(pattern);
      if (after !== '' && (!after.startsWith('/') || after === '/'))
        throw this.#refuse(`Invalid variable match: "${after}"`);
      rest = after.slice(1);
    }
    return patterns.join('/');
  }
}

/** A path made of what another template found. @throws Error in Envoy's words */
export function templateRewrite(rewrite: string, template: string): (path: string) => string | undefined {
  const parts = rewriteParts(rewrite);
  const pattern = templatePattern(template);
  const names = new Set([...pattern.source.matchAll(/\(\?<(\w+)>/g)].map(([, name]) => name));
  if (parts.some(({ variable }) => variable !== undefined && !names.has(variable)))
    throw new Error(`mismatch between variables in path_match_policy ${template} and path_rewrite_policy ${rewrite}`);
  return path => {
    const found = pattern.exec(path);
    return found === null
      ? undefined
      : parts.map(({ text, variable }) => (variable === undefined ? text : found.groups![variable]!)).join('');
  };
}

interface RewritePart {
  text: string;
  variable: string | undefined;
}

function rewriteParts(rewrite: string): RewritePart[] {
  const pieces = rewrite.split(/(\{[^}]*\})/);
  const isVariable = (piece: string) => /^\{[a-zA-Z][a-zA-Z0-9_]*\}$/.test(piece);
  const valid = pieces.every(piece => piece === '' || isVariable(piece) || rewriteText.test(piece));
  if (!rewrite.startsWith('/') || rewrite.includes('//') || !valid)
    throw new Error(`path_rewrite_policy.path_template_rewrite ${rewrite} is invalid`);
  return pieces.map(piece => ({ text: piece, variable: isVariable(piece) ? piece.slice(1, -1) : undefined }));
}
