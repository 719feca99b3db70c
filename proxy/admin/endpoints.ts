/** The endpoints of the admin interface: what `/help` and the home page tell about each. */

/** A parameter; with `oneOf`, the values that it may have. */
export interface Parameter {
  name: string;
  help: string;
  kind: 'boolean' | 'string' | 'choice';
  oneOf?: readonly string[];
}

/** One path. */
export interface Endpoint {
  path: string;
  help: string;
  /** Only by POST. */
  mutates?: boolean;
  parameters?: readonly Parameter[];
}

const usedOnly: Parameter = {
  name: 'usedonly',
  kind: 'boolean',
  help: 'Only include stats that have been written by system since restart',
};
const filter: Parameter = {
  name: 'filter',
  kind: 'string',
  help: 'Regular expression (Google re2) for filtering stats',
};
const invertFilter: Parameter = { name: 'invert_filter', kind: 'boolean', help: 'Invert the filter regex' };

/** There only where requests are explained. */
const explain: Endpoint = {
  path: '/explain',
  help: 'print what decided the last requests and connections, with the lines of the configuration that say so',
  parameters: [
    { name: 'id', kind: 'string', help: 'The x-request-id of a request, or the STREAM_ID of a connection' },
    { name: 'format', kind: 'choice', help: 'Format to use', oneOf: ['text', 'json'] },
  ],
};

/** @param explains whether requests are explained */
export function endpointsOf(explains: boolean): readonly Endpoint[] {
  if (!explains) return endpoints;
  const before = endpoints.findIndex(({ path }) => path > explain.path);
  return endpoints.toSpliced(before, 0, explain);
}

/** Envoy's endpoints, by path. */
export const endpoints: readonly Endpoint[] = [
  { path: '/', help: 'Admin home page' },
  { path: '/certs', help: 'print certs on machine' },
  {
    path: '/clusters',
    help: 'upstream cluster status',
    parameters: [
      { name: 'filter', kind: 'string', help: 'Regular expression (Google re2) for filtering clusters by name' },
    ],
  },
  {
    path: '/config_dump',
    help: 'dump current Envoy configs',
    parameters: [
      { name: 'resource', kind: 'string', help: 'The resource to dump' },
      {
        name: 'mask',
        kind: 'string',
        help: 'The mask to apply. When both resource and mask are specified, the mask is applied to every element in the desired repeated field so that only a subset of fields are returned. The mask is parsed as a Protobuf::FieldMask',
      },
      {
        name: 'name_regex',
        kind: 'string',
        help: 'Dump only the currently loaded configurations whose names match the specified regex. Can be used with both resource and mask query parameters.',
      },
      {
        name: 'include_eds',
        kind: 'boolean',
        help: 'Dump currently loaded configuration including EDS. See the response definition for more information',
      },
    ],
  },
  { path: '/contention', help: 'dump current Envoy mutex contention stats (if enabled)' },
  {
    path: '/drain_listeners',
    help: 'drain listeners',
    mutates: true,
    parameters: [
      {
        name: 'graceful',
        kind: 'boolean',
        help: 'When draining listeners, enter a graceful drain period prior to closing listeners. This behaviour and duration is configurable via server options or CLI',
      },
    ],
  },
  { path: '/healthcheck/fail', help: 'cause the server to fail health checks', mutates: true },
  { path: '/healthcheck/ok', help: 'cause the server to pass health checks', mutates: true },
  { path: '/help', help: 'print out list of admin commands' },
  { path: '/hot_restart_version', help: 'print the hot restart compatibility version' },
  { path: '/init_dump', help: 'dump current Envoy init manager information (experimental)' },
  {
    path: '/listeners',
    help: 'print listener info',
    parameters: [{ name: 'format', kind: 'choice', help: 'File format to use', oneOf: ['text', 'json'] }],
  },
  {
    path: '/logging',
    help: 'query/change logging levels',
    mutates: true,
    parameters: [
      {
        name: 'paths',
        kind: 'string',
        help: 'Change multiple logging levels by setting to <logger_name1>:<desired_level1>,<logger_name2>:<desired_level2>.',
      },
      {
        name: 'level',
        kind: 'choice',
        help: "desired logging level, this will change all loggers's level",
        oneOf: ['', 'trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'],
      },
    ],
  },
  { path: '/memory', help: 'print current allocation/heap usage' },
  { path: '/quitquitquit', help: 'exit the server', mutates: true },
  { path: '/ready', help: 'print server state, return 200 if LIVE, otherwise return 503' },
  { path: '/reopen_logs', help: 'reopen access logs', mutates: true },
  { path: '/reset_counters', help: 'reset all counters to zero', mutates: true },
  { path: '/runtime', help: 'print runtime values' },
  {
    path: '/runtime_modify',
    help: 'Adds or modifies runtime values as passed in query parameters. To delete a previously added key, use an empty string as the value. Note that deletion only applies to overrides added via this endpoint; values loaded from disk can be modified via override but not deleted. E.g. ?key1=value1&key2=value2...',
    mutates: true,
  },
  { path: '/server_info', help: 'print server version/status information' },
  {
    path: '/stats',
    help: 'print server stats',
    parameters: [
      usedOnly,
      filter,
      invertFilter,
      { name: 'format', kind: 'choice', help: 'Format to use', oneOf: ['html', 'active-html', 'text', 'json'] },
      {
        name: 'type',
        kind: 'choice',
        help: 'Stat types to include.',
        oneOf: ['All', 'Counters', 'Histograms', 'Gauges', 'TextReadouts'],
      },
      {
        name: 'histogram_buckets',
        kind: 'choice',
        help: 'Histogram bucket display mode',
        oneOf: ['cumulative', 'disjoint', 'detailed', 'summary'],
      },
    ],
  },
  {
    path: '/stats/prometheus',
    help: 'print server stats in prometheus format',
    parameters: [
      usedOnly,
      {
        name: 'text_readouts',
        kind: 'boolean',
        help: 'Render text_readouts as new gaugues with value 0 (increases Prometheus data size)',
      },
      filter,
      invertFilter,
      {
        name: 'histogram_buckets',
        kind: 'choice',
        help: 'Histogram bucket display mode',
        oneOf: ['cumulative', 'summary'],
      },
    ],
  },
  { path: '/stats/recentlookups', help: 'Show recent stat-name lookups' },
  {
    path: '/stats/recentlookups/clear',
    help: 'clear list of stat-name lookups and counter',
    mutates: true,
  },
  {
    path: '/stats/recentlookups/disable',
    help: 'disable recording of reset stat-name lookup names',
    mutates: true,
  },
  {
    path: '/stats/recentlookups/enable',
    help: 'enable recording of reset stat-name lookup names',
    mutates: true,
  },
];

/** `/help`, and what an unknown path is answered with. */
export function helpText(shown: readonly Endpoint[] = endpoints): string {
  const lines = shown.flatMap(({ path, help, mutates, parameters = [] }) => [
    `  ${path}${mutates ? ' (POST)' : ''}: ${help}\n`,
    ...parameters.map(parameter => `      ${parameter.name}: ${parameter.help}${choices(parameter)}\n`),
  ]);
  return `admin commands are:\n${lines.join('')}`;
}

function choices({ oneOf }: Parameter): string {
  return oneOf === undefined ? '' : `; One of (${oneOf.join(', ')})`;
}
