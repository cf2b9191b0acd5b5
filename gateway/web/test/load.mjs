// Modules of the page for tests: each is bundled as the page is, and imported.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('..', import.meta.url));

/** load('series') → the exports of page/series.ts */
export async function load(name) {
  const { outputFiles } = await build({
    absWorkingDir: folder, entryPoints: [`page/${name}.ts`], bundle: true, write: false, format: 'esm', target: 'es2022', logLevel: 'warning',
    alias: { 'pulsegate-client': '../../proto/js/src/index.ts' }, nodePaths: ['node_modules'], loader: { '.css': 'empty' },
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

/** Behaves like localStorage. */
export function storage(initial = {}) {
  const items = new Map(Object.entries(initial));
  return { getItem: (key) => items.get(key) ?? null, setItem: (key, value) => void items.set(key, String(value)), items };
}
