// Checks the types of the examples, of the script in examples/page.html, and of test/types.ts against dist/.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));
const [, script] = /<script type="module">\n(.*)<\/script>/s.exec(readFileSync('examples/page.html', 'utf8'));
mkdirSync('dist/check', { recursive: true });
writeFileSync('dist/check/page.js', script.replace('./pulsegate-client.min.js', 'pulsegate-client')
  .replace('(id, text)', '(/** @type {string} */ id, /** @type {string} */ text)')
  .replace('(document.getElementById', '(/** @type {any} */ (document).getElementById'));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'examples/tsconfig.json'], { stdio: 'inherit' });
