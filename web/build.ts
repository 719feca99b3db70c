import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin, Rolldown } from 'vite';

type Bundle = Rolldown.OutputBundle;

/** Stops the build when the first page (the entry with all that it imports at once, and its styles) weighs more than `limit` bytes in gzip. */
export function weigh(limit: number): Plugin {
  return {
    name: 'weigh',
    apply: 'build',
    generateBundle(_options, bundle) {
      const weight = firstPage(bundle).reduce((sum, text) => sum + gzipSync(text).length, 0);
      if (weight > limit) this.error(`the first page weighs ${weight} bytes compressed, ${limit} are allowed`);
      this.info(`first page: ${weight} bytes compressed`);
    },
  };
}

function firstPage(bundle: Bundle): string[] {
  const wanted = Object.values(bundle).flatMap(file => (file.type === 'chunk' && file.isEntry ? [file.fileName] : []));
  const seen = new Set<string>();
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    wanted.push(...needs(bundle, name));
  }
  return [...seen].flatMap(name => contents(bundle[name]));
}

function needs(bundle: Bundle, name: string): string[] {
  const file = bundle[name];
  if (file?.type !== 'chunk') return [];
  const styles = (file as { viteMetadata?: { importedCss: Set<string> } }).viteMetadata?.importedCss ?? [];
  return [...file.imports, ...styles];
}

function contents(file: Bundle[string] | undefined): string[] {
  if (file === undefined) return [];
  return [file.type === 'chunk' ? file.code : Buffer.from(file.source).toString()];
}

/** Writes `.br` and `.gz` beside every text file of the build, for servers that hand out what is already compressed. */
export function precompress(): Plugin {
  let folder = '';
  return {
    name: 'precompress',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
        if (/\.(js|css|html|svg)$/.test(name)) compress(join(folder, name));
    },
  };
}

function compress(path: string): void {
  const content = readFileSync(path);
  if (content.length < 1024) return;
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
}
