/** The flags of the command line: Envoy's, with Envoy's words where they mean the same here. */
import { shareWords } from './explain/share.ts';

export interface Flag {
  /** Long name, as it is typed after `--`. */
  name: string;
  short?: string;
  /** What follows it: nothing, a text, or a number. */
  takes?: 'string' | 'uint32_t';
  help: string;
  default?: string;
}

/** In the order in which `--help` lists them. */
export const flags: readonly Flag[] = [
  { name: 'disable-hot-restart', help: 'Disable hot restart functionality (this proxy has none; accepted)' },
  {
    name: 'mode',
    takes: 'string',
    help: "One of 'serve' (default; validate configs and then serve traffic normally), 'validate' (validate configs and exit) or 'init_only' (initialize and exit).",
  },
  { name: 'parent-shutdown-time-s', takes: 'uint32_t', help: 'Hot restart parent shutdown time in seconds (accepted)' },
  {
    name: 'drain-strategy',
    takes: 'string',
    help: "Drain sequence behaviour, one of 'gradual' (default) or 'immediate'.",
  },
  { name: 'drain-time-s', takes: 'uint32_t', help: 'Drain time in seconds', default: '600' },
  { name: 'file-flush-min-size-kb', takes: 'uint32_t', help: 'Minimum size in KB for log flushing (accepted)' },
  { name: 'file-flush-interval-msec', takes: 'uint32_t', help: 'Interval for log flushing in msec' },
  { name: 'service-zone', takes: 'string', help: 'Zone name' },
  { name: 'service-node', takes: 'string', help: 'Node name' },
  { name: 'service-cluster', takes: 'string', help: 'Cluster name' },
  { name: 'restart-epoch', takes: 'uint32_t', help: 'Hot restart epoch # (accepted)' },
  { name: 'log-path', takes: 'string', help: 'Path to logfile' },
  {
    name: 'component-log-level',
    takes: 'string',
    help: 'Comma-separated list of component log levels. For example upstream:debug,config:trace',
  },
  {
    name: 'log-level',
    short: 'l',
    takes: 'string',
    help: 'Log levels: [trace][debug][info][warning|warn][error][critical][off]',
    default: 'info',
  },
  { name: 'admin-address-path', takes: 'string', help: 'Admin address path' },
  { name: 'reject-unknown-dynamic-fields', help: 'Reject unknown fields in dynamic configuration' },
  {
    name: 'config-yaml',
    takes: 'string',
    help: 'Inline YAML configuration, merges with the contents of --config-path',
  },
  { name: 'config-path', short: 'c', takes: 'string', help: 'Path to configuration file' },
  { name: 'concurrency', takes: 'uint32_t', help: '# of worker threads to run' },
  {
    name: 'explain',
    takes: 'string',
    help: `Explain requests and connections at the admin interface, /explain: ${shareWords}. By default none (Envoy has no such option).`,
  },
  { name: 'use-dynamic-base-id', help: 'The server chooses a base ID dynamically (accepted)' },
  {
    name: 'base-id',
    takes: 'uint32_t',
    help: 'Base ID so that multiple proxies can run on the same host if needed (accepted)',
  },
];

/** The flags that TCLAP, the library behind Envoy's command line, adds to every program. */
export const standardFlags: readonly Flag[] = [
  { name: 'version', help: 'Displays version information and exits.' },
  { name: 'help', short: 'h', help: 'Displays usage information and exits.' },
];
