import type { IDisposable, Terminal } from '@xterm/xterm';

/** Ids of queries that end in `c` (device attributes), `n` (status), `p` (modes), `q` (version), `t` (window), `u` (keyboard). */
const queries = [
  { final: 'c' },
  { prefix: '>', final: 'c' },
  { prefix: '=', final: 'c' },
  { final: 'n' },
  { prefix: '?', final: 'n' },
  { intermediates: '$', final: 'p' },
  { prefix: '?', intermediates: '$', final: 'p' },
  { prefix: '>', final: 'q' },
  { final: 't' },
  { prefix: '?', final: 'u' },
];
const colours = [4, 10, 11, 12];

/** Makes the page's terminal answer no query: the agent's terminal does, once, however many viewers there are. */
export function silence(terminal: Terminal): IDisposable[] {
  const { parser } = terminal;
  return [
    ...queries.map(id => parser.registerCsiHandler(id, () => true)),
    ...colours.map(id => parser.registerOscHandler(id, data => data.includes('?'))),
    parser.registerDcsHandler({ intermediates: '$', final: 'q' }, () => true),
    parser.registerOscHandler(52, () => true),
  ];
}
