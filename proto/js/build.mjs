// Builds dist/: index.js to import, pulsegate-client.min.js for a <script type="module">, and the type declarations.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
const common = { entryPoints: ['src/index.ts'], bundle: true, format: 'esm', target: 'es2022', logLevel: 'warning' };
await build({ ...common, outfile: 'dist/index.js' });
// Names of our own objects' members, which no user sees and no message has.
const internal = 'subscribers fresh sent acked resuming leaving slots offline unanswered refused subscribed unsubscribed deliver '
  + 'commands cursorOf renewable refuse renew answered later ask wake up down onStatus onEnd fleet dirty stop settle';
const mangleProps = new RegExp(`^(${internal.replaceAll(' ', '|')})$`);
await build({ ...common, outfile: 'dist/pulsegate-client.min.js', minify: true, mangleProps });
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { stdio: 'inherit' });
