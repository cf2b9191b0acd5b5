// Builds the page: node build.mjs OUT_DIR. What stands in OUT_DIR then is all that the gateway serves: index.html, favicon.svg,
// and assets/ with a hash of the content in each name. The same sources give the same bytes.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

if (process.argv.length !== 3) {
  console.error('usage: node build.mjs OUT_DIR');
  process.exit(2);
}
const out = resolve(process.argv[2]);
process.chdir(fileURLToPath(new URL('.', import.meta.url)));
rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, 'assets'), { recursive: true });

const { outputFiles } = await build({
  entryPoints: { page: 'page/main.ts', style: 'page/style.css' },
  alias: { 'pulsegate-client': '../../proto/js/src/index.ts' },
  nodePaths: ['node_modules'],
  bundle: true, minify: true, write: false, outdir: out, format: 'esm', target: 'es2022', legalComments: 'none', logLevel: 'warning',
});
let page = readFileSync('page/index.html', 'utf8');
for (const { path, contents } of outputFiles) {
  const [, name, extension] = /([a-z]+)\.(js|css)$/.exec(path);
  const hash = createHash('sha256').update(contents).digest('hex').slice(0, 12);
  const file = `assets/${name}-${hash}.${extension}`;
  writeFileSync(join(out, file), contents);
  const placeholder = `%${name}.${extension}%`;
  if (!page.includes(placeholder)) throw new Error(`index.html does not ask for ${placeholder}`);
  page = page.replace(placeholder, `./${file}`);
}
writeFileSync(join(out, 'index.html'), page);
copyFileSync('page/favicon.svg', join(out, 'favicon.svg'));
