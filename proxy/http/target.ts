/** Where a request is sent to by an absolute reference. */

/** What is absolute and has a host, without what a fragment adds. */
const absolute = /^([a-z]+):\/\/(?:[^/?#@\s]*@)?((?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?)([/?#]\S*)?$/i;

/** What a reference to another place means for a request; undefined where it is not absolute. */
export function parseTarget(location: string): { scheme: string; authority: string; path: string } | undefined {
  const match = absolute.exec(location);
  if (match === null) return undefined;
  const [, scheme = '', authority = '', path = '/'] = match;
  return { scheme: scheme.toLowerCase(), authority, path: path.replace(/#.*/, '') };
}
