// Hidden tabs, and networks that come back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE, page, settle, world } from './world.mjs';

const commands = (socket) => socket.take().filter(({ type }) => type !== 'ping').map(({ id, ...rest }) => rest);

async function hiddenPage(here, options, run) {
  const tab = page();
  try {
    const one = here.client({ device: DEVICE, pingInterval: 1e8, ...options });
    const seen = [];
    one.subscribe({ channels: ['metrics', 'processes'], maxRate: 5 }, ({ cursor }) => seen.push(cursor));
    await settle();
    here.made.last.connected();
    here.made.last.acknowledge();
    here.made.last.metrics('1');
    await run({ one, tab, seen, socket: here.made.last });
  } finally {
    tab.end();
  }
}

test('pause: after a while nothing is asked for, and then what was missed', () =>
  world((here) => hiddenPage(here, {}, async ({ tab, seen, socket }) => {
    tab.hide(true);
    await here.clock.advance(4999);
    assert.deepEqual(commands(socket), []);
    await here.clock.advance(1);
    assert.deepEqual(commands(socket), [{ type: 'unsubscribe', channels: ['metrics', 'processes'] }]);
    socket.metrics('2'); // on its way; it comes again
    for (const channel of ['metrics', 'processes']) socket.say({ type: 'unsubscribed', channel, deviceUuid: DEVICE });
    await here.clock.advance(600_000);
    tab.hide(false);
    await here.clock.advance(0);
    assert.deepEqual(commands(socket), [
      { type: 'subscribe', channels: ['metrics'], maxRate: 5, since: '1' },
      { type: 'subscribe', channels: ['processes'], maxRate: 5 },
    ]);
    socket.say({ type: 'subscribed', channel: 'metrics', deviceUuid: DEVICE, resumed: true });
    for (const cursor of ['2', '3']) socket.metrics(cursor);
    assert.deepEqual(seen, ['1', '2', '3']);
  })));

test('a glance at another tab changes nothing', () =>
  world((here) => hiddenPage(here, {}, async ({ tab, socket }) => {
    tab.hide(true);
    await here.clock.advance(4000);
    tab.hide(false);
    await here.clock.advance(60_000);
    assert.deepEqual(commands(socket), []);
  })));

test('back before the gateway has answered: nothing is lost and nothing comes twice', () =>
  world((here) => hiddenPage(here, { hiddenAfter: 0 }, async ({ tab, seen, socket }) => {
    tab.hide(true);
    await here.clock.advance(0);
    tab.hide(false);
    await here.clock.advance(0);
    const [left, again] = commands(socket);
    assert.deepEqual([left.type, again.since], ['unsubscribe', '1']);
    socket.metrics('2'); // before it has read the first
    socket.say({ type: 'unsubscribed', channel: 'metrics', deviceUuid: DEVICE });
    socket.say({ type: 'subscribed', channel: 'metrics', deviceUuid: DEVICE, resumed: true });
    for (const cursor of ['2', '3']) socket.metrics(cursor);
    assert.deepEqual(seen, ['1', '2', '3']);
  })));

test('there and back twice before the gateway has answered anything', () =>
  world((here) => hiddenPage(here, { hiddenAfter: 0 }, async ({ tab, seen, socket }) => {
    for (const hidden of [true, false, true, false]) {
      tab.hide(hidden);
      await here.clock.advance(0);
    }
    assert.deepEqual(commands(socket).filter(({ channels }) => channels.includes('metrics')).map(({ type, since }) => [type, since]),
      [['unsubscribe', undefined], ['subscribe', '1'], ['unsubscribe', undefined], ['subscribe', '1']]);
    for (const type of ['unsubscribed', 'subscribed', 'unsubscribed', 'subscribed']) {
      socket.say({ type, channel: 'metrics', deviceUuid: DEVICE });
      for (const cursor of ['2', '3']) if (type === 'subscribed') socket.metrics(cursor);
    }
    assert.deepEqual(seen, ['1', '2', '3']);
  })));

test('slow: fewer messages, and then as many as before', () =>
  world((here) => hiddenPage(here, { hidden: 'slow', hiddenRate: 0.5, hiddenAfter: 1000 }, async ({ tab, socket }) => {
    tab.hide(true);
    await here.clock.advance(1000);
    assert.deepEqual(commands(socket), [{ type: 'subscribe', channels: ['metrics', 'processes'], maxRate: 0.5 }]);
    tab.hide(false);
    await here.clock.advance(0);
    assert.deepEqual(commands(socket), [{ type: 'subscribe', channels: ['metrics', 'processes'], maxRate: 5 }]);
  })));

test('ignore', () =>
  world((here) => hiddenPage(here, { hidden: 'ignore' }, async ({ tab, socket }) => {
    tab.hide(true);
    await here.clock.advance(60_000);
    assert.deepEqual(commands(socket), []);
  })));

test('a connection that comes about in a hidden tab asks for nothing until it is seen', () =>
  world((here) => hiddenPage(here, { minDelay: 10 }, async ({ tab, socket }) => {
    tab.hide(true);
    await here.clock.advance(5000);
    socket.end(1006);
    await here.clock.advance(10);
    here.made.last.connected();
    await here.clock.advance(1000);
    assert.deepEqual(commands(here.made.last), []);
    tab.hide(false);
    await here.clock.advance(0);
    assert.equal(commands(here.made.last)[0].since, '1');
  })));

test('online: no waiting out a long backoff, and a look whether the connection lives', () =>
  world((here) => hiddenPage(here, { minDelay: 100, maxDelay: 60_000, pongTimeout: 3000 }, async ({ tab, socket }) => {
    Math.random = () => 0.999;
    tab.online();
    assert.deepEqual(socket.take(), [{ type: 'ping' }]);
    await here.clock.advance(3000); // nobody is there
    for (let i = 1; i < 8; i++) {
      await here.clock.advance(100 * 2 ** i);
      here.made.last.end(1006);
    }
    const before = here.made.length;
    await here.clock.advance(100);
    assert.equal(here.made.length, before);
    tab.online();
    await here.clock.advance(100);
    assert.equal(here.made.length, before + 1);
  })));

test('close() and giving up leave no listener with the page', () =>
  world((here) => hiddenPage(here, {}, async ({ one, tab, socket }) => {
    assert.equal(tab.counts.listeners, 2);
    socket.end(4403);
    assert.equal(tab.counts.listeners, 0);
    one.connect();
    assert.equal(tab.counts.listeners, 2);
    tab.hide(true);
    one.close();
    assert.equal(tab.counts.listeners, 0);
    assert.equal(here.clock.timers.size, 0);
  })));
