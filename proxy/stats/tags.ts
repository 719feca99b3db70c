/** Takes what varies out of stat names (a cluster's name, a response code) as tags, as Envoy's default tag extractors do. */

/** A name without its tags, and the tags in the order in which Envoy prints them. */
export interface TaggedName {
  name: string;
  tags: readonly (readonly [name: string, value: string])[];
}

/** Group 1 is removed from the name, group 2 is the value. */
const extractors: readonly (readonly [tag: string, pattern: RegExp])[] = [
  ['envoy_response_code', /_rq(_(\d{3}))$/],
  ['envoy_response_code_class', /_rq_((\d))xx$/],
  ['envoy_worker_id', /^(?:server|thread_local_cluster_manager|listener\.[^/]+?)\.(?:worker)(_(\d+))\./],
  ['envoy_http_conn_manager_prefix', /^(?:listener\.(?=[\d[_])[^/]+?\.)?http\.((.+?)\.)/],
  ['envoy_tcp_prefix', /^tcp\.((.+?)\.)/],
  ['envoy_cluster_name', /^cluster\.((.+?)\.)/],
  ['envoy_listener_address', /^listener\.(((?:[_.\d]*|[_[\]aAbBcCdDeEfF\d]*))\.)/],
];

/** Splits a full name. */
export function tagged(fullName: string): TaggedName {
  const tags: [string, string][] = [];
  const cuts: [number, number][] = [];
  for (const [tag, pattern] of extractors) {
    const match = pattern.exec(fullName);
    const removed = match?.[1];
    const value = match?.[2];
    if (!match || removed === undefined || value === undefined || value === '') continue;
    tags.push([tag, value]);
    const start = match.index + match[0].lastIndexOf(removed);
    cuts.push([start, start + removed.length]);
  }
  return { name: without(fullName, cuts), tags };
}

function without(text: string, cuts: [number, number][]): string {
  return cuts.sort((a, b) => b[0] - a[0]).reduce((rest, [start, end]) => rest.slice(0, start) + rest.slice(end), text);
}
