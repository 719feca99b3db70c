/** The figures of this checkout on this machine: `npm run -s bench -- [NAME…]`; `npm run -s bench -- soak [OPTION…]` takes minutes, and runs alone. */
import { cpus } from 'node:os';
import { join } from './join.ts';
import { keystroke } from './keystroke.ts';
import { memory } from './memory.ts';
import { providers } from './providers.ts';
import { proxy } from './proxy.ts';
import { proxyMemory } from './proxy-memory.ts';
import { soak } from './soak/soak.ts';
import { terminal } from './terminal.ts';

const benchmarks = { join, memory, keystroke, terminal, proxy, providers };
/** Of those, for whoever names them. */
const parts = { 'proxy-memory': proxyMemory };
const named = { ...benchmarks, ...parts };
type Name = keyof typeof named;

const names = process.argv.slice(2);
if (names[0] === 'soak') process.exit(await soak(names.slice(1)));
const unknown = names.filter(name => !(name in named));
if (unknown.length > 0) {
  console.error(`${unknown.join(', ')}: no such benchmark; there are: ${Object.keys(named).join(', ')}, soak`);
  process.exit(2);
}
console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.versions.node}`);
for (const name of (names.length > 0 ? names : Object.keys(benchmarks)) as Name[]) await named[name]();
