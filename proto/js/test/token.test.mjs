// Tokens: where they come from, when they are renewed, and when there is none left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE, jwt, settle, world } from './world.mjs';

const refuse = (socket) => {
  socket.say({ type: 'error', data: { code: 'token-expired', message: 'The token has ended.' } });
  socket.end(4401, 'unauthorized');
};

test('a token is offered as a subprotocol', () =>
  world(async ({ made, client }) => {
    client({ token: 'a.b.c' }).connect();
    await settle();
    assert.deepEqual(made.last.protocols, ['pulsegate.v1', 'bearer.a.b.c']);
  }));

test('4401: another token is asked for, once, with the refused one, and the client comes back after jitter', () =>
  world(async ({ clock, made, client, states }) => {
    Math.random = () => 0.5;
    const asked = [];
    const one = client({ token: async (refused) => (asked.push(refused), `t${asked.length}`) });
    one.connect();
    await settle();
    made.last.connected();
    refuse(made.last);
    assert.equal(states.at(-1).retryIn, 250);
    await clock.advance(250);
    assert.deepEqual(asked, [undefined, 't1']);
    assert.equal(made.last.token, 't2');
  }));

test('tokens that all end at once are asked for again and again, ever more slowly, as long as they are new', () =>
  world(async ({ clock, made, client, states, errors }) => {
    Math.random = () => 0.999;
    let count = 0;
    const one = client({ token: () => `t${++count}`, maxDelay: 8000 });
    one.connect();
    for (let i = 0; i < 20; i++) {
      await settle();
      assert.equal(made.length, i + 1);
      made.last.connected();
      refuse(made.last);
      const { retryIn } = states.at(-1);
      assert.ok(Math.abs(retryIn - 0.999 * Math.min(8000, 500 * 2 ** i)) < 1e-6, `${retryIn}`);
      await clock.advance(retryIn);
    }
    assert.equal(count, 21);
    await settle();
    made.last.connected();
    assert.deepEqual([one.state, errors.filter(({ fatal }) => fatal).length], ['live', 0]);
  }));

for (const [what, token] of [['a token of its own', 'fixed'], ['no token', undefined], ['the same token again', () => 'same']])
  test(`whoever has ${what} gives up when it is refused`, () =>
    world(async ({ clock, made, client, errors }) => {
      const one = client({ token });
      one.connect();
      await settle();
      refuse(made.last);
      await clock.advance(120_000);
      assert.equal(made.length, 1);
      assert.equal(one.state, 'failed');
      assert.deepEqual([errors.at(-1).code, errors.at(-1).fatal], ['token-refused', true]);
      assert.equal(clock.timers.size, 0);
    }));

test('an error of the callback is final, and connect() tries again', () =>
  world(async ({ made, client, errors }) => {
    let cause = new Error('log in again');
    const one = client({ token: async () => {
      if (cause) throw cause;
      return 'good';
    } });
    one.connect();
    await settle();
    assert.equal(one.state, 'failed');
    assert.deepEqual([errors[0].code, errors[0].cause], ['token-failed', cause]);
    cause = undefined;
    one.connect();
    await settle();
    assert.equal(made.last.token, 'good');
  }));

test('no network and no token just now are not final', () =>
  world(async ({ clock, made, client, errors }) => {
    const answers = [new TypeError('Failed to fetch'), null, new TypeError('Failed to fetch'), 'good'];
    const one = client({ token: async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    } });
    one.connect();
    await clock.advance(10_000);
    assert.equal(made.length, 1);
    assert.equal(made.last.token, 'good');
    assert.equal(errors.length, 0);
  }));

test('a token is renewed on the open connection before it ends', () =>
  world(async ({ clock, made, client }) => {
    Math.random = () => 0;
    const first = jwt(clock.now + 120_000);
    const second = jwt(clock.now + 240_000, { n: 2 });
    const tokens = [first, second];
    const commands = [];
    const one = client({ pingInterval: 1e8, token: async () => tokens.shift() ?? second });
    one.on('command', (command) => commands.push(command));
    one.connect();
    await settle();
    made.last.connected();
    await clock.advance(89_999);
    const auth = () => made.last.take().filter(({ type }) => type === 'auth');
    assert.deepEqual(auth(), []);
    await clock.advance(1);
    assert.deepEqual(auth(), [{ type: 'auth', token: second, id: 'auth' }]);
    assert.deepEqual(commands.at(-1), { type: 'auth', token: '…', id: 'auth' }); // no token in a log
    made.last.say({ type: 'authenticated', data: { expires: new Date(clock.now + 150_000).toISOString() }, id: 'auth' });
    await clock.advance(119_999);
    assert.equal(tokens.length, 0);
    assert.equal(made.length, 1);
  }));

test('the gateway\'s clock counts, and half of a short life is not renewed', () =>
  world(async ({ clock, made, client }) => {
    Math.random = () => 0;
    const ends = clock.now + 3_600_000 + 10_000; // our clock is an hour behind
    let asked = 0;
    client({ token: () => (asked++, jwt(ends + asked)) }).connect();
    await settle();
    made.last.readyState = 1;
    made.last.say({ type: 'connected', data: { limits: {} }, timestamp: new Date(clock.now + 3_600_000).toISOString() });
    await clock.advance(4999);
    assert.equal(asked, 1);
    await clock.advance(2);
    assert.equal(asked, 2);
  }));

test('a token that lasts for years is not renewed in a hurry', () =>
  world(async ({ clock, made, client }) => {
    let asked = 0;
    client({ token: () => (asked++, jwt(clock.now + 5 * 365 * 86_400_000)) }).connect();
    await settle();
    made.last.connected();
    await clock.advance(1000);
    assert.ok([...clock.timers.values()].every(({ ms }) => ms < 2 ** 31));
    assert.equal(asked, 1);
  }));

test('renewing that fails is tried again while the old token holds, and is no reason to give up', () =>
  world(async ({ clock, made, client, errors }) => {
    Math.random = () => 0;
    const second = jwt(clock.now + 300_000, { n: 2 });
    const answers = [jwt(clock.now + 60_000), new Error('503'), null, second];
    const one = client({ token: async () => {
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      return answer;
    } });
    one.connect();
    await settle();
    made.last.connected();
    await clock.advance(30_000);
    assert.deepEqual([errors.length, errors[0].fatal, one.state], [1, false, 'live']);
    await clock.advance(2000);
    assert.equal(made.last.commands.at(-1).token, second);
    // Refused: the next one is asked for, and the connection lasts.
    made.last.say({ type: 'error', data: { code: 'unauthorized', message: '' }, id: 'auth' });
    answers[0] = jwt(clock.now + 400_000, { n: 3 });
    await clock.advance(2000);
    assert.equal(made.last.commands.at(-1).token, answers[0]);
    assert.equal(made.length, 1);
  }));

test('a token of another subject is taken to a connection of its own', () =>
  world(async ({ clock, made, client }) => {
    Math.random = () => 0;
    const tokens = [jwt(clock.now + 60_000), jwt(clock.now + 300_000, { sub: 'bob' })];
    client({ token: () => tokens.shift(), device: DEVICE }).connect();
    await settle();
    made.last.connected();
    const bobs = tokens[0];
    await clock.advance(30_000);
    made.last.say({ type: 'error', data: { code: 'forbidden', message: '' }, id: 'auth' });
    await clock.advance(1);
    assert.equal(made.length, 2);
    assert.equal(made.last.token, bobs);
  }));

test('an old token that ends does not take the new one with it', () =>
  world(async ({ clock, made, client }) => {
    Math.random = () => 0;
    const second = jwt(clock.now + 300_000);
    const answers = [jwt(clock.now + 4000), second];
    let give;
    let asked = 0;
    const one = client({ token: () => (asked++ === 0 ? answers.shift() : new Promise((resolve) => (give = resolve))) });
    one.connect();
    await settle();
    made.last.connected();
    await clock.advance(2000); // asked for the next one
    refuse(made.last);
    await clock.advance(1); // it wants to come back, and waits for the answer that is awaited already
    give(second);
    await clock.advance(100);
    assert.equal(made.last.token, second);
    assert.deepEqual([made.length, asked, one.state], [2, 2, 'reconnecting']);
  }));

test('nor where the new one was offered, and the answer is lost with the connection', () =>
  world(async ({ clock, made, client }) => {
    Math.random = () => 0;
    const tokens = [jwt(clock.now + 4000), jwt(clock.now + 300_000)];
    const [, second] = tokens;
    const asked = [];
    client({ token: (refused) => (asked.push(refused), tokens.shift() ?? second) }).connect();
    await settle();
    made.last.connected();
    await clock.advance(2000);
    assert.equal(made.last.take()[0].token, second);
    refuse(made.last);
    await clock.advance(100);
    assert.equal(made.last.token, second);
    assert.deepEqual(asked, [undefined, undefined]);
  }));

test('not all renew at the same time', () =>
  world(async ({ clock, made, client }) => {
    Math.random = () => 0.999;
    let asked = 0;
    client({ pingInterval: 1e8, token: () => (asked++, jwt(clock.now + 130_000)) }).connect();
    await settle();
    made.last.connected();
    await clock.advance(90_000); // of 100 s, a tenth earlier
    assert.equal(asked, 1);
    await clock.advance(200);
    assert.equal(asked, 2);
  }));

test('a callback that takes long is asked once', () =>
  world(async ({ clock, client }) => {
    let asked = 0;
    const one = client({ token: () => (asked++, new Promise(() => {})) });
    one.connect();
    one.subscribe({ channels: ['metrics'], devices: DEVICE });
    await clock.advance(3_600_000);
    assert.deepEqual([asked, one.state], [1, 'connecting']);
  }));
