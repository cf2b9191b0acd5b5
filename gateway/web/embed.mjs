// Makes a C++ source of the built page: node embed.mjs PAGE_DIRECTORY OUT.cpp. Each file is in it as it is, with gzip and with
// brotli, as the definition of web::embedded_page(). The same page gives the same source.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

function* filesBelow(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

const LINE = 120;
// Octal escapes end after three digits, whatever follows; a question mark could begin a trigraph.
const escaped = (byte) => (byte >= 0x20 && byte < 0x7f && !'"\\?'.includes(String.fromCharCode(byte))
  ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`);
function literal(bytes) {
  const lines = [];
  let line = '';
  for (const byte of bytes) {
    line += escaped(byte);
    if (line.length >= LINE) lines.push(line), (line = '');
  }
  lines.push(line);
  return lines.map((each) => `    "${each}"`).join('\n');
}

const [directory, out] = process.argv.slice(2);
const arrays = [];
const rows = [];
for (const path of filesBelow(directory)) {
  const name = '/' + relative(directory, path).split(sep).join('/');
  const type = TYPES[extname(name)];
  if (!type) throw new Error(`embed.mjs: what is the type of ${name}? Add it to TYPES`);
  const plain = readFileSync(path);
  const forms = {
    plain,
    gzip: gzipSync(plain, { level: 9 }),
    brotli: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } }),
  };
  const views = Object.entries(forms).map(([form, bytes]) => {
    const array = `k${form[0].toUpperCase()}${form.slice(1)}${rows.length}`;
    arrays.push(`constexpr char ${array}[] =\n${literal(bytes)};`);
    return `{${array}, sizeof ${array} - 1}`;
  });
  const tag = createHash('sha256').update(plain).digest('hex').slice(0, 20);
  rows.push(`      {"${name === '/index.html' ? '/' : name}", "${type}", "${tag}", ${name.startsWith('/assets/')},\n       ${views.join(', ')}},`);
}
if (!rows.some((row) => row.includes('{"/", '))) throw new Error(`embed.mjs: there is no index.html in ${directory}`);

writeFileSync(`${out}.new`, `// Generated from the dashboard page by gateway/web/embed.mjs.
#include "gateway/web/embedded.hpp"

namespace pulsegate::web {
namespace {

${arrays.join('\n')}

}  // namespace

const Page* embedded_page() {
  static const Page page({
${rows.join('\n')}
  });
  return &page;
}

}  // namespace pulsegate::web
`);
renameSync(`${out}.new`, out);
