/** The names that a short name may stand for. */

export interface SearchRules {
  domains: readonly string[];
  /** A name with fewer dots is first tried within the domains. */
  dots: number;
}

/** Of the text of `/etc/resolv.conf`. @see man 5 resolv.conf */
export function searchRules(text: string): SearchRules {
  const lines = text.split('\n').map(line => line.trim().split(/\s+/));
  const domains = lines.filter(([word]) => word === 'search' || word === 'domain').at(-1) ?? [];
  const options = lines.filter(([word]) => word === 'options').flat();
  const dots = options.findLast(option => option.startsWith('ndots:')) ?? 'ndots:1';
  return { domains: domains.slice(1), dots: Number(dots.slice('ndots:'.length)) };
}

/** In the order in which they are tried. */
export function wholeNames(name: string, { domains, dots }: SearchRules): string[] {
  if (name.endsWith('.')) return [name];
  const within = domains.map(domain => `${name}.${domain}`);
  return name.split('.').length > dots ? [name, ...within] : [...within, name];
}
