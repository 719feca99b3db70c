/**
 * Sets up what is missing in this checkout and on this machine, then runs a program of the repo on its own Node.
 *
 *     node server/setup/run.mjs [--for-tests] ENTRY [ARGUMENT…]
 *
 * Plain JavaScript without packages: it is what runs when nothing is installed yet.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundles, packages, seccompProfile } from './bundle.mjs';
import { endWithParent, launch } from './launch.mjs';
import { lock } from './lock.mjs';
import { installPackages, nodeOf, packagesAreThere } from './packages.mjs';
import { run, SetupError, step } from './progress.mjs';
import { installTools, missingTools } from './tools.mjs';

const top = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
/** What was made from which sources, so that nothing is made twice. */
const stampsFile = join(top, 'server/setup/dist/stamps.json');

/**
 * What is made from the sources: remade when its sources changed or an output is missing.
 * @typedef {{ name: string, title: string, sources: string[], outputs: string[], command: string[] }} Product
 * @type {Product[]}
 */
const products = [
  {
    name: 'api',
    title: "Generating the types of Envoy's configuration",
    sources: ['proxy/api-generation', 'package-lock.json'],
    outputs: ['proxy/api'],
    command: ['proxy/api-generation/generate.mjs'],
  },
  {
    name: 'programs',
    title: 'Bundling the programs of the sandbox',
    sources: ['server/setup/bundle.mjs', 'images', 'proxy', 'package-lock.json'],
    outputs: [
      ...bundles.filter(({ entry }) => existsSync(join(top, entry))).map(({ output }) => output),
      seccompProfile,
    ],
    command: ['server/setup/bundle.mjs'],
  },
  {
    name: 'packages',
    title: 'Bundling packages of the server',
    sources: ['server/setup/bundle.mjs', 'package-lock.json'],
    outputs: packages.map(({ output }) => output),
    command: ['server/setup/bundle.mjs', ...packages.map(({ name }) => name)],
  },
  {
    name: 'pages',
    title: 'Building the pages',
    sources: ['web/index.html', 'web', 'package-lock.json'],
    outputs: ['web/dist/index.html'],
    command: ['node_modules/vite/bin/vite.js', 'build', 'web', '--logLevel', 'warn'],
  },
];

/**
 * @param {Product} product
 * @param {Record<string, string>} stamps
 */
function isMade(product, stamps) {
  if (!existsSync(join(top, product.sources[0] ?? ''))) return true;
  return product.outputs.every(path => existsSync(join(top, path))) && stamps[product.name] === digest(product.sources);
}

/** @param {Product} product */
async function make(product) {
  const made = digest(product.sources);
  await step(product.title, async () => {
    const { status, output } = await run(nodeOf(top), product.command, { cwd: top });
    if (status !== 0) throw new SetupError(`${product.command.join(' ')} ended with ${status}:\n${output.trimEnd()}`);
  });
  mkdirSync(dirname(stampsFile), { recursive: true });
  writeFileSync(stampsFile, JSON.stringify({ ...readStamps(), [product.name]: made }));
}

/** @returns {Record<string, string>} */
function readStamps() {
  try {
    return JSON.parse(readFileSync(stampsFile, 'utf8'));
  } catch {
    return {};
  }
}

/**
 * A hash of files and folders, without what is generated there and without tests.
 * @param {string[]} paths
 */
function digest(paths) {
  const hash = createHash('sha256');
  for (const path of paths) hashInto(hash, path);
  return hash.digest('hex');
}

/**
 * @param {import('node:crypto').Hash} hash
 * @param {string} path
 */
function hashInto(hash, path) {
  const file = join(top, path);
  if (!existsSync(file)) return;
  try {
    hash.update(`${path}\0`).update(readFileSync(file));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EISDIR') throw error;
    const names = readdirSync(file).filter(name => !/^(dist|node_modules|\..*)$|\.test\.tsx?$/.test(name));
    for (const name of names.sort()) if (`${path}/${name}` !== 'proxy/api') hashInto(hash, `${path}/${name}`);
  }
}

/**
 * What a program needs besides the packages.
 * @typedef {{ products: string[], tools: import('./tools.mjs').Use[], forTests: boolean }} Needs
 * @param {string} entry
 * @param {string[]} args
 * @param {boolean} forTests
 * @returns {Needs}
 */
function needsOf(entry, args, forTests) {
  /** @type {import('./tools.mjs').Use[]} */
  const tools = onThisMachine(args) ? ['sandbox', 'lessons'] : [];
  if (forTests) tools.push('tests');
  const asks = args.some(arg => ['--help', '-h', '--version', 'lint'].includes(arg));
  if (entry === 'proxy/main.ts') return { products: ['api'], tools: [], forTests };
  if (asks && !forTests) return { products: [], tools: [], forTests };
  // it tries a sandbox, and tells what is missing instead of installing it
  if (args[0] === 'doctor') return { products: ['api', 'programs'], tools: [], forTests };
  if (entry === 'server/labs/main.ts') return { products: ['api', 'programs'], tools, forTests };
  const products = ['api', 'programs', 'packages', 'pages'];
  return { products, tools: entry === 'server/images/main.ts' ? [] : tools, forTests };
}

/**
 * Whether sandboxes may be made on this machine itself: containers and pods carry their own tools.
 * @param {string[]} args
 */
function onThisMachine(args) {
  const at = args.indexOf('--provider');
  const named =
    args.find(arg => arg.startsWith('--provider='))?.slice('--provider='.length) ?? args[at < 0 ? args.length : at + 1];
  return !['docker', 'kubernetes'].includes(named ?? process.env.UNICORN_PROVIDER ?? '');
}

/**
 * What is not there, as things to do, in order.
 * @param {Needs} needs
 * @returns {(() => Promise<void>)[]}
 */
function missing(needs) {
  /** @type {(() => Promise<void>)[]} */
  const todo = [];
  if (!packagesAreThere(top, needs.forTests)) todo.push(() => installPackages(top, needs.forTests));
  const tools = process.platform === 'linux' ? missingTools(needs.tools) : [];
  if (tools.length > 0) todo.push(() => installTools(tools));
  const stamps = readStamps();
  for (const product of products) {
    if (needs.products.includes(product.name) && !isMade(product, stamps)) todo.push(() => make(product));
  }
  return todo;
}

/** @param {Needs} needs */
async function setUp(needs) {
  if (missing(needs).length === 0) return;
  const unlock = await lock(realpathSync(top), () =>
    process.stderr.write('Another start is setting up; waiting for it.\n'),
  );
  try {
    const todo = missing(needs);
    if (todo.length > 0) process.stderr.write('Setting up Unicorn\n');
    for (const work of todo) await work();
  } finally {
    unlock();
  }
}

async function main() {
  const all = process.argv.slice(2);
  const forTests = all[0] === '--for-tests';
  const [entry = '', ...args] = forTests ? all.slice(1) : all;
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new SetupError(`This is Node ${process.versions.node}; Unicorn needs Node 20 or newer to start.`);
  }
  endWithParent();
  await setUp(needsOf(entry, args, forTests));
  await launch(top, entry, args);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`\n${error.message}\n${error.remedy ? `\nWhat to do:\n    ${error.remedy}\n` : ''}`);
  process.exitCode = 1;
}
