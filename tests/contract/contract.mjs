// The contract for tests in JavaScript: what is wrong with a message or a command, by proto/schemas.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const SCHEMAS = fileURLToPath(new URL('../../proto/schemas/', import.meta.url));
/** Where the modules are installed: a copy of this folder's package.json in the build directory. */
const require = createRequire(`${process.env.PULSEGATE_CONTRACT}/package.json`);
export const modules = (name) => require(name);
const Ajv = require('ajv').default;

/** Words of our own: what the generator asks for, see proto/README.md. */
export const OWN_KEYWORDS = ['x-usually', 'x-reconnect', 'x-after-ms', 'x-answers'];

export const files = readdirSync(SCHEMAS, { recursive: true }).filter((name) => name.endsWith('.json')).map((name) => name.replaceAll('\\', '/')).sort();
export const schemas = Object.fromEntries(files.map((name) => [name, JSON.parse(readFileSync(SCHEMAS + name, 'utf8'))]));

// Strict: a keyword that is not understood is an error. What is not checked is where `type` stands, and lists of types.
const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
ajv.addVocabulary(OWN_KEYWORDS);
const BASE = 'contract:/';
for (const [name, schema] of Object.entries(schemas)) ajv.addSchema(schema, BASE + name);
export const validator = (name) => ajv.getSchema(BASE + name);

/** Names of what was seen and found good: `server/metrics`. */
export const seen = new Set();
export const all = (...sides) => files.map((name) => name.replace('.json', '')).filter((name) => sides.includes(name.split('/')[0]));

/** Why `value` is not what the schema `side/name` describes, or null. */
export function errorOf(name, value) {
  const validate = validator(`${name}.json`);
  if (validate === undefined) return `there is no ${name}`;
  if (validate(value)) {
    seen.add(name);
    return null;
  }
  return `${name}: ${validate.errors.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`).join('; ')}`;
}

/** Throws where `message` is none of the server's, or `command` none of a client's. */
export function checkMessage(message) {
  const error = errorOf(`server/${message.type}`, message);
  if (error !== null) throw new Error(`against the contract: ${error} in ${JSON.stringify(message).slice(0, 1000)}`);
}
export function checkCommand(command) {
  const error = errorOf(`client/${command.type}`, command);
  if (error !== null) throw new Error(`against the contract: ${error} in ${JSON.stringify(command).slice(0, 1000)}`);
}
