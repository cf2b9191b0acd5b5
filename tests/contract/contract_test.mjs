// proto/asyncapi.yaml and proto/schemas: by the meta schemas, complete, within the subset that both kinds of validators
// understand, and the same on both.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OWN_KEYWORDS, SCHEMAS, all, errorOf, files, modules, schemas, validator } from './contract.mjs';

const PROTO = dirname(SCHEMAS.replace(/\/$/, ''));
const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const Ajv = modules('ajv').default;
const api = modules('yaml').parse(readFileSync(join(PROTO, 'asyncapi.yaml'), 'utf8'));

/** Every object in `value`, with its path. */
function* objects(value, path = '#') {
  if (value === null || typeof value !== 'object') return;
  if (!Array.isArray(value)) yield [path, value];
  for (const [key, member] of Object.entries(value)) yield* objects(member, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
}
function at(document, pointer) {
  return pointer.replace(/^\//, '').split('/').filter(Boolean)
    .reduce((value, key) => value?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);
}
/** Every schema within a schema, with its path: not examples, not lists of names. */
function* subschemas(schema, path) {
  yield [path, schema];
  for (const [keyword, value] of Object.entries(schema)) {
    if (['properties', 'definitions'].includes(keyword)) for (const [name, each] of Object.entries(value)) yield* subschemas(each, `${path}/${keyword}/${name}`);
    else if (['anyOf', 'oneOf', 'allOf'].includes(keyword)) for (const [i, each] of value.entries()) yield* subschemas(each, `${path}/${keyword}/${i}`);
    else if (['items', 'additionalProperties', 'x-usually'].includes(keyword) && typeof value === 'object') yield* subschemas(value, `${path}/${keyword}`);
  }
}

test('asyncapi.yaml is AsyncAPI 3.0', () => {
  const meta = modules('@asyncapi/specs/schemas/3.0.0-without-$id.json');
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  const validate = ajv.compile(meta);
  assert.ok(validate(api), JSON.stringify(validate.errors?.slice(0, 5), null, 1));
  assert.equal(validate({ ...api, channels: { device: { adress: '/' } } }), false);
  assert.equal(validate({ ...api, operations: { one: { action: 'shout', channel: { $ref: '#/channels/device' } } } }), false);
  assert.ok(readFileSync(join(REPOSITORY, 'CMakeLists.txt'), 'utf8').includes(`project(pulsegate VERSION ${api.info.version} `));
});

test('what it refers to is there, and what is there is referred to', () => {
  const used = new Set();
  const documents = { 'asyncapi.yaml': api, ...Object.fromEntries(files.map((name) => [`schemas/${name}`, schemas[name]])) };
  for (const [name, document] of Object.entries(documents)) {
    for (const [path, { $ref }] of objects(document)) {
      if (typeof $ref !== 'string') continue;
      const [file, pointer = ''] = $ref.split('#');
      const target = file === '' ? name : relative(PROTO, normalize(join(PROTO, dirname(name), file)));
      assert.ok(documents[target] !== undefined && at(documents[target], pointer) !== undefined, `${name} ${path}: ${$ref}`);
      used.add(`${target}#${pointer}`);
    }
  }
  for (const name of files.filter((each) => each !== 'common.json')) assert.ok(used.has(`schemas/${name}#`), `nobody uses ${name}`);
  for (const name of Object.keys(schemas['common.json'].definitions)) assert.ok(used.has(`schemas/common.json#/definitions/${name}`), `nobody uses ${name}`);
  for (const [id, message] of Object.entries(api.components.messages)) assert.ok(used.has(`asyncapi.yaml#/components/messages/${id}`), `nobody uses ${message.title}`);
});

test('each endpoint has every message, sends all of the server\'s and takes all of the client\'s', () => {
  const payload = ({ $ref }) => at(api, $ref.slice(1)).payload?.$ref.replace(/^\.\/schemas\/|\.json$/g, '');
  for (const channel of ['device', 'older', 'fleet']) {
    const names = Object.values(api.channels[channel].messages).map(payload);
    assert.deepEqual(names.sort(), all('server', 'client').sort(), channel);
    const operations = Object.values(api.operations).filter((each) => each.channel.$ref === `#/channels/${channel}`);
    const said = (action) => operations.filter((each) => each.action === action).flatMap((each) => each.messages).map((each) => payload(at(api, each.$ref.slice(1)))).sort();
    assert.deepEqual(said('send'), all('server').sort());
    assert.deepEqual(said('receive'), all('client').sort());
    for (const { action, messages, reply } of operations.filter((each) => each.action === 'receive')) {
      assert.ok(reply.messages.length > 0, `${action} ${messages[0].$ref}`);
      for (const each of reply.messages) assert.ok(payload(at(api, each.$ref.slice(1))).startsWith('server/'));
    }
  }
});

// What draft 04 (RapidJSON), draft 07 (AsyncAPI, ajv) and the generator read alike. proto/README.md says why.
const MEANING = ['$ref', 'type', 'enum', 'properties', 'required', 'additionalProperties', 'minProperties', 'maxProperties',
  'items', 'minItems', 'maxItems', 'minLength', 'maxLength', 'pattern', 'minimum', 'maximum', 'allOf', 'anyOf', 'oneOf'];
const WORDS = ['$schema', 'title', 'description', 'examples', 'deprecated', 'definitions', ...OWN_KEYWORDS];

test('schemas keep to the subset', () => {
  const ajv = new Ajv();
  for (const [name, schema] of Object.entries(schemas)) {
    assert.ok(ajv.validateSchema(schema), `${name}: ${JSON.stringify(ajv.errors)}`);
    assert.equal(schema.$schema, 'http://json-schema.org/draft-07/schema#');
    for (const [path, each] of subschemas(schema, name)) {
      for (const keyword of Object.keys(each)) assert.ok(MEANING.includes(keyword) || WORDS.includes(keyword), `${path}: ${keyword}`);
      // Drafts before 2019 pass over what stands beside a reference, later ones do not.
      if (each.$ref !== undefined) assert.deepEqual(Object.keys(each), ['$ref'], path);
      // RapidJSON knows no classes such as \d, no look-around, no named groups.
      if (each.pattern !== undefined) assert.match(each.pattern, /^\^[^\\]*\$$/, path);
      assert.doesNotMatch(each.pattern ?? '', /\(\?/, path);
      // Either is said: a member that is not listed is a mistake, or somebody else's matter.
      if (each.properties !== undefined) assert.notEqual(each.additionalProperties, undefined, path);
      for (const member of each.required ?? []) assert.ok(at(schemas[name], '') && (each.properties === undefined || member in each.properties), `${path}: ${member}`);
    }
  }
});

test('every message says what it is for, and its members what they mean', () => {
  for (const name of all('server', 'client', 'http', 'bus')) {
    const { title, description, examples } = schemas[`${name}.json`];
    assert.match(title, /^[A-Z]\w+$/, name);
    assert.match(description, /\.$/, name);
    assert.ok(examples.length > 0, name);
    for (const [i, example] of examples.entries()) assert.equal(errorOf(name, example), null, `${name} ${i}`);
  }
});

test('what is ours is closed: no example bears another member, another type, or one member less', () => {
  for (const name of all('server', 'client', 'http').filter((each) => !['server/broadcast', 'http/snapshot'].includes(each))) {
    const schema = schemas[`${name}.json`];
    for (const example of schema.examples) {
      assert.notEqual(errorOf(name, { ...example, surplus: 1 }), null, name);
      for (const member of Object.keys(example)) {
        const { [member]: taken, ...less } = example;
        if (schema.required.includes(member)) assert.notEqual(errorOf(name, less), null, `${name} without ${member}`);
        const open = member === (name === 'client/subscribe' ? 'since' : /metrics|pass-through/.test(name) && 'data');
        if (!open) assert.notEqual(errorOf(name, { ...example, [member]: { no: taken } }), null, `${name}: ${member}`);
      }
    }
  }
});

test('a schema finds what it is there to find, and no more', () => {
  const metrics = schemas['server/metrics.json'].examples[0];
  assert.equal(errorOf('server/metrics', { ...metrics, data: { cpu_usage: '46', whatever: [{}] } }), null);
  assert.equal(errorOf('server/metrics', { ...metrics, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }), null);
  for (const wrong of [{ cursor: 'short' }, { timestamp: '2026-11-22 14:05' }, { deviceUuid: 'kitchen' }, { replay: false }, { data: [] }])
    assert.notEqual(errorOf('server/metrics', { ...metrics, ...wrong }), null, JSON.stringify(wrong));
  assert.notEqual(errorOf('server/status', { type: 'status', deviceUuid: metrics.deviceUuid, data: {} }), null);
  assert.equal(validator('server/dance.json'), undefined);
  assert.match(errorOf('server/dance', {}), /there is no/);
});

test('the lock file names no registry', () => {
  const lock = readFileSync(new URL('package-lock.json', import.meta.url), 'utf8');
  assert.ok(!lock.includes('"resolved"'));
  assert.ok(existsSync(join(process.env.PULSEGATE_CONTRACT, 'node_modules')));
});
