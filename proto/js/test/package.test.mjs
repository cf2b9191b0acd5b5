// What is published: small, typed, without dependencies, and of the project's version.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const manifest = JSON.parse(read('../package.json'));

test('less than 6 KB, minified and compressed', () => {
  const size = gzipSync(read('../dist/pulsegate-client.min.js'), { level: 9 }).length;
  console.log(`${size} bytes`);
  assert.ok(size < 6 * 1024, `${size} bytes`);
});

test('the minified file exports what the other does', async () => {
  const plain = await import('../dist/index.js');
  const minified = await import('../dist/pulsegate-client.min.js');
  assert.deepEqual(Object.keys(minified).sort(), Object.keys(plain).sort());
  assert.deepEqual(Object.keys(plain).sort(), ['PulsegateClient', 'PulsegateError', 'closeRule']);
});

test('no dependencies, the files that it names, the project\'s version, and no registry in the lock file', () => {
  assert.equal(manifest.dependencies, undefined);
  for (const path of [manifest.types, ...Object.values(manifest.exports).flatMap((target) => (typeof target === 'string' ? target : Object.values(target)))])
    assert.ok(read(`../${path}`).length > 0, path);
  assert.ok(read('../../../CMakeLists.txt').includes(`project(pulsegate VERSION ${manifest.version} `));
  const lock = read('../package-lock.json');
  assert.ok(!lock.includes('"resolved"'));
  assert.equal(JSON.parse(lock).packages[''].version, manifest.version);
});

test('the minified file works: members\' short names are nobody else\'s', async () => {
  const { PulsegateClient } = await import('../dist/pulsegate-client.min.js');
  const { DEVICE, settle, sockets } = await import('./fakes.mjs');
  const { WebSocket, made } = sockets();
  const client = new PulsegateClient({ url: 'ws://gateway', WebSocket });
  const statuses = [];
  const subscription = client.subscribe({ channels: ['metrics'], devices: DEVICE, history: { mode: 'append' } }, {
    metrics: () => {}, status: ({ state, since, bus, database, device }) => statuses.push({ state, since, bus, database, device }) });
  const iterator = subscription[Symbol.asyncIterator]();
  await settle();
  made.last.connected();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(made.last.commands[0], { type: 'subscribe', channels: ['metrics'], id: 's1', deviceUuids: [DEVICE] });
  made.last.acknowledge();
  made.last.say({ type: 'status', deviceUuid: DEVICE, data: { device: 'stale', since: 'then', database: 'down' } });
  made.last.metrics('1');
  assert.equal((await iterator.next()).value.cursor, '1');
  assert.equal(subscription.cursor(DEVICE), '1');
  const question = client.history({ device: DEVICE, from: 0 });
  await settle();
  made.last.say({ type: 'history-result', id: 'q1', deviceUuid: DEVICE, data: {} });
  assert.equal((await question).type, 'history-result');
  assert.deepEqual(statuses.at(-1), { state: 'stale', since: 'then', bus: 'up', database: 'down', device: DEVICE });
  assert.equal(client.limits.maxDevices, 256);
  client.close();
  assert.equal(subscription.closed, true);
});
