// When the client comes back: after which close codes, how soon, and what it takes for a sign of life.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { closeRule } from '../dist/index.js';
import { DEVICE, settle, world } from './world.mjs';

// proto/close_code.cpp: {CloseCode::name, "name", "meaning", reconnect, milliseconds(after)}, and the numbers beside it.
function gatewayTable() {
  const numbers = Object.fromEntries(
    [...readFileSync(new URL('../../close_code.hpp', import.meta.url), 'utf8').matchAll(/^ {2}(\w+) = (\d+)/gm)]
      .map(([, name, number]) => [name, Number(number)]));
  const rows = readFileSync(new URL('../../close_code.cpp', import.meta.url), 'utf8')
    .matchAll(/\{CloseCode::(\w+), "[^"]*", "[^"]*",\s*(true|false),\s*milliseconds\((\d+)\)\}/g);
  return [...rows].map(([, name, reconnect, after]) => ({ code: numbers[name], reconnect: reconnect === 'true', after: Number(after) }));
}

test('the table of close codes is the gateway\'s', () => {
  const table = gatewayTable();
  assert.equal(table.length, 17);
  for (const { code, reconnect, after } of table) assert.deepEqual(closeRule(code), { reconnect, after }, `code ${code}`);
});

for (const { code, reconnect, after } of [...gatewayTable(), { code: 1005, reconnect: true, after: 0 },
  { code: 1006, reconnect: true, after: 0 }, { code: 1014, reconnect: true, after: 0 }]) {
  if (code === 4401) continue; // token.test.mjs
  test(`${code}: ${reconnect ? `comes back after ${after} ms and jitter` : 'does not come back'}`, () =>
    world(async ({ clock, made, client, states, errors }) => {
      Math.random = () => 0.5;
      const one = client({ device: DEVICE });
      one.connect();
      await settle();
      made.last.connected();
      made.last.end(code, 'why');
      if (!reconnect) {
        await clock.advance(600_000);
        assert.equal(made.length, 1);
        assert.equal(one.state, 'failed');
        assert.deepEqual([errors.length, errors[0].code, errors[0].fatal], [1, `close-${code}`, true]);
        one.connect(); // whoever has mended it may try again
        await settle();
        assert.equal(made.length, 2);
        return;
      }
      assert.deepEqual(states.at(-1), { state: 'reconnecting', retryIn: after + 250, code, reason: 'why' });
      await clock.advance(after + 249);
      assert.equal(made.length, 1);
      await clock.advance(1);
      assert.equal(made.length, 2);
      assert.equal(errors.length, 0);
    }));
}

test('waits are at random between nothing and a bound that doubles up to the highest', () =>
  world(async ({ clock, made, client, states }) => {
    const one = client({ minDelay: 100, maxDelay: 5000 });
    one.connect();
    const highest = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000];
    for (const random of [0, 0.999]) {
      for (const bound of highest) {
        Math.random = () => random;
        await settle();
        made.last.end(1006);
        assert.equal(states.at(-1).retryIn, random * bound);
        await clock.advance(random * bound);
      }
      await settle();
      made.last.connected(); // stable for long enough: from the beginning
      await clock.advance(5000);
    }
  }));

test('waits are spread evenly', () =>
  world(async ({ made, client, states }) => {
    for (let i = 0; i < 400; i++) {
      client({ minDelay: 1000 }).connect();
      await settle();
      made.last.end(1006);
    }
    const waits = states.filter(({ state }) => state === 'reconnecting').map(({ retryIn }) => retryIn);
    assert.equal(waits.length, 400);
    assert.ok(waits.every((wait) => wait >= 0 && wait < 1000));
    for (let quarter = 0; quarter < 4; quarter++) {
      const share = waits.filter((wait) => Math.floor(wait / 250) === quarter).length;
      assert.ok(share > 50 && share < 150, `${share} of 400 in quarter ${quarter}`);
    }
  }));

test('a connection that ends at once does not begin the backoff anew', () =>
  world(async ({ clock, made, client, states }) => {
    Math.random = () => 0.999;
    client().connect();
    for (const bound of [500, 1000, 2000, 4000]) {
      await settle();
      made.last.connected();
      await clock.advance(1000);
      made.last.end(1006);
      assert.equal(states.at(-1).retryIn, 0.999 * bound);
      await clock.advance(bound);
    }
  }));

test('what `reconnect` says counts instead of the table, for this once', () =>
  world(async ({ clock, made, client, states }) => {
    Math.random = () => 0.5;
    client().connect();
    await settle();
    made.last.connected();
    made.last.say({ type: 'reconnect', data: { after_ms: 7777 } });
    made.last.end(1013);
    assert.equal(states.at(-1).retryIn, 7777 + 250);
    await clock.advance(8027);
    made.last.end(1012);
    assert.equal(states.at(-1).retryIn, 1000 + 500);
  }));

test('a handshake that was refused with an HTTP status ends as its close code would', () =>
  world(async ({ made, client, states, errors }) => {
    for (const [status, state, code] of [[403, 'failed', 4403], [404, 'failed', 4404], [400, 'failed', 4400],
      [429, 'reconnecting', 4429], [503, 'reconnecting', 1013], [502, 'reconnecting', 4502]]) {
      const one = client();
      one.connect();
      await settle();
      made.last.error(`Unexpected server response: ${status}`);
      made.last.end(1006);
      assert.deepEqual([one.state, states.at(-1).code], [state, code]);
    }
    assert.equal(errors.length, 3);
  }));

test('what does not say `connected` in time is given up', () =>
  world(async ({ clock, made, client }) => {
    const one = client({ connectTimeout: 3000, minDelay: 100 });
    one.connect();
    await clock.advance(2999);
    assert.equal(made.length, 1);
    await clock.advance(200);
    assert.equal(made.length, 2);
    assert.equal(made[0].closed, 1000);
    assert.equal(one.state, 'reconnecting');
  }));

test('silence is asked about, and a dead connection left', () =>
  world(async ({ clock, made, client }) => {
    const one = client({ pingInterval: 20_000, pongTimeout: 5000, minDelay: 100 });
    one.connect();
    await settle();
    made.last.connected();
    for (let i = 0; i < 5; i++) {
      await clock.advance(15_000);
      made.last.metrics(`c${i}`); // any message will do
    }
    assert.deepEqual(made.last.take(), []);
    await clock.advance(20_000);
    assert.deepEqual(made.last.take(), [{ type: 'ping' }]);
    made.last.say({ type: 'pong', data: {}, timestamp: '' });
    await clock.advance(20_000);
    assert.deepEqual(made.last.take(), [{ type: 'ping' }]);
    await clock.advance(5101);
    assert.equal(made[0].closed, 1000);
    assert.equal(made.length, 2);
  }));

test('signs of life are asked for at the interval, however long one would be waited for', () =>
  world(async ({ clock, made, client }) => {
    client({ pingInterval: 1000, pongTimeout: 60_000 }).connect();
    await settle();
    made.last.connected();
    for (let i = 0; i < 5; i++) {
      await clock.advance(1000);
      assert.deepEqual(made.last.take(), [{ type: 'ping' }]);
      made.last.say({ type: 'pong', data: {}, timestamp: '' });
    }
  }));

test('neither a bad address nor a missing WebSocket is tried again', () =>
  world(async ({ client, errors, made }) => {
    class Refusing {
      constructor() {
        throw new SyntaxError('no such scheme');
      }
    }
    const one = client({ WebSocket: Refusing });
    one.connect();
    await settle();
    assert.deepEqual([one.state, errors[0].code, errors[0].message], ['failed', 'bad-url', 'no such scheme']);
    const saved = globalThis.WebSocket;
    delete globalThis.WebSocket;
    const other = client({ WebSocket: undefined });
    other.connect();
    await settle();
    globalThis.WebSocket = saved;
    assert.match(errors[1].message, /no WebSocket here/);
    assert.equal(made.length, 0);
  }));

test('on the fleet endpoint a subscription says whose', () =>
  world(async ({ client }) => {
    assert.throws(() => client().subscribe({ channels: ['metrics'] }), { code: 'missing-device' });
    client().subscribe({ channels: ['metrics'], devices: [] });
  }));

test('addresses: bases and endpoints, with any scheme', () =>
  world(async ({ made, client }) => {
    const urls = [
      [{ url: 'https://dash.example/' }, 'wss://dash.example/api/v1/ws'],
      [{ url: 'http://dash.example:8080/iot', device: DEVICE }, `ws://dash.example:8080/iot/api/v1/devices/${DEVICE}/ws`],
      [{ url: new URL('ws://dash.example/api/v1/ws?x=1') }, 'ws://dash.example/api/v1/ws?x=1'],
      [{ url: `wss://dash.example/api/v1/devices/${DEVICE}/ws` }, `wss://dash.example/api/v1/devices/${DEVICE}/ws`],
    ];
    for (const [options, url] of urls) {
      client(options).connect();
      await settle();
      assert.equal(made.last.url, url);
      assert.equal(made.last.protocols, undefined);
    }
  }));
