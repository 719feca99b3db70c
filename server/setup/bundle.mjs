/**
 * Bundles the programs that start inside sandboxes to CommonJS, since those start faster and take less memory than modules do, and packages of the server.
 *
 *     node server/setup/bundle.mjs [NAME…]
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const top = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** What learners start beside the proxy: folders of images/. */
export const learnerPrograms = ['httpbin', 'traces', 'rate-limit', 'greeter', 'grpcurl', 'xds-server'];

/** @param {string} folder of images/ */
const imageBundle = folder => ({
  name: folder,
  entry: `images/${folder}/main.ts`,
  output: `images/dist/${folder}.cjs`,
});

/** Each program: where it starts, and the bundle. */
export const bundles = [
  ...['agent', 'box', ...learnerPrograms].map(imageBundle),
  { name: 'proxy', entry: 'proxy/main.ts', output: 'proxy/dist/proxy.cjs' },
  { name: 'proxy-cel', entry: 'proxy/cel/engine.ts', output: 'proxy/dist/proxy-cel.cjs' },
  { name: 'proxy-loader', entry: 'proxy/configuration/loader-main.ts', output: 'proxy/dist/proxy-loader.cjs' },
];

/** Where the profile for containers and pods is written. */
export const seccompProfile = 'images/dist/seccomp.json';

/** Packages of hundreds of small modules, for the server as one file each (`imports` in package.json): opening all of those took half of its start. */
export const packages = [
  { name: 'kysely', exports: 'export * from "kysely"' },
  { name: 'typebox', exports: 'export * from "typebox"; export { default } from "typebox"' },
  {
    name: 'kubernetes',
    // All of it takes 90 MB and two seconds to load.
    exports: `export {
      ApiException, AuthorizationV1Api, CoreV1Api, createConfiguration, KubeConfig, NetworkingV1Api, ServerConfiguration, StorageV1Api, VersionApi, Watch
    } from "@kubernetes/client-node"`,
  },
].map(one => ({ ...one, output: `server/dist/${one.name}.mjs` }));

/** Native modules: found at run time, never bundled. */
const external = ['koffi'];

/**
 * Bundles one program. Names stay as they are, so that a stack trace can be read; a bundle that runs is replaced whole, never half.
 * @param {{ entry: string, output: string }} bundle
 */
export async function bundle({ entry, output }) {
  const { build } = await import('esbuild');
  const result = await build({
    absWorkingDir: top,
    entryPoints: [entry],
    outfile: join(top, output),
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    external,
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    define: {
      'import.meta.url': '__bundleUrl',
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
    },
    banner: { js: "const __bundleUrl=require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'warning',
  });
  await replace(result.outputFiles);
}

/**
 * Bundles one package, as a module.
 * @param {{ exports: string, output: string }} bundle
 */
export async function bundlePackage({ exports, output }) {
  const { build } = await import('esbuild');
  const result = await build({
    absWorkingDir: top,
    stdin: { contents: exports, resolveDir: top },
    outfile: join(top, output),
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minifySyntax: true,
    // What of it is CommonJS asks for Node's own modules so.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    logLevel: 'warning',
  });
  await replace(result.outputFiles);
}

/** @param {import('esbuild').OutputFile[]} files */
async function replace(files) {
  for (const { path, contents } of files) {
    const half = `${path}.${process.pid}`;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(half, contents);
    await rename(half, path);
  }
}

/** The sandbox's system calls, as a container's or a node's profile. */
async function writeSeccomp() {
  const { stdout } = await promisify(execFile)(process.execPath, [join(top, 'images/box/print-seccomp.ts')]);
  await mkdir(join(top, 'images/dist'), { recursive: true });
  await writeFile(join(top, seccompProfile), stdout);
}

/**
 * Bundles all programs, or the named ones and packages.
 * @param {string[]} names
 */
export async function bundleAll(names = []) {
  if (names.length === 0 || names.includes('seccomp')) await writeSeccomp();
  for (const one of bundles) {
    if (names.length > 0 && !names.includes(one.name)) continue;
    if (existsSync(join(top, one.entry))) await bundle(one);
    else console.error(`${basename(one.output)}: left out, ${one.entry} is not there`);
  }
  for (const one of packages) if (names.includes(one.name)) await bundlePackage(one);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await bundleAll(process.argv.slice(2));
}
