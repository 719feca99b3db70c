import { defineConfig } from 'vite';
import { precompress, weigh } from './build.ts';

/** What one may have to load before the lesson stands there, compressed. */
const firstPageLimit = 400_000;

export default defineConfig({
  root: import.meta.dirname,
  publicDir: 'public',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 700,
    reportCompressedSize: false,
    assetsInlineLimit: 0,
  },
  plugins: [weigh(firstPageLimit), precompress()],
});
