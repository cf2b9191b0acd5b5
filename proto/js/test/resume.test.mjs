// What is asked for after a reconnect: everything that was wanted, from where each channel of each device stood.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE, LIMITS, OTHER, internals, settle, world } from './world.mjs';

const subscriptions = (socket) => socket.take().filter(({ type }) => type === 'subscribe').map(({ id, ...rest }) => rest);
/** A client that is up, with what `subscribe` wants; `again()` ends its connection and makes the next. */
async function live({ clock, made, client }, options = {}) {
  const one = client({ minDelay: 100, ...options });
  one.connect();
  await settle();
  made.last.connected();
  return {
    one,
    async again() {
      made.last.end(1006);
      await clock.advance(200);
      made.last.connected();
      await clock.advance(0);
    },
  };
}

test('each channel goes on after its own cursor, and channels that have none begin anew', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one, again } = await live(here, { device: DEVICE });
    const seen = [];
    one.subscribe({ channels: ['metrics', 'processes'] }, (message) => seen.push(message.cursor));
    one.subscribe({ channels: ['history'], history: { mode: 'append', points: 60 } }, () => {});
    await clock.advance(0);
    assert.deepEqual(subscriptions(made.last), [
      { type: 'subscribe', channels: ['metrics', 'processes'] },
      { type: 'subscribe', channels: ['history'], history: { mode: 'append', points: 60 } },
    ]);
    for (const channel of ['metrics', 'processes', 'history']) made.last.say({ type: 'subscribed', channel, deviceUuid: DEVICE });
    made.last.metrics('m1');
    made.last.metrics('m2');
    made.last.say({ type: 'history', data: {}, deviceUuid: DEVICE, timestamp: '', mode: 'append', cursor: 'h1' });
    made.last.say({ type: 'processes', data: {}, deviceUuid: DEVICE, timestamp: '2026-11-22T14:05:00.000Z' });
    await again();
    assert.deepEqual(subscriptions(made.last), [
      { type: 'subscribe', channels: ['metrics'], since: 'm2' },
      { type: 'subscribe', channels: ['processes'] },
      { type: 'subscribe', channels: ['history'], history: { mode: 'append', points: 60 }, since: 'h1' },
    ]);
    assert.deepEqual(seen, ['m1', 'm2', undefined]);
  }));

test('a window that is sent whole needs no `since`', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one, again } = await live(here, { device: DEVICE });
    one.subscribe({ channels: ['history'] }, () => {});
    await clock.advance(0);
    made.last.acknowledge();
    made.last.say({ type: 'history', data: {}, deviceUuid: DEVICE, timestamp: '', mode: 'replace', cursor: 'h1' });
    await again();
    assert.deepEqual(subscriptions(made.last), [{ type: 'subscribe', channels: ['history'] }]);
  }));

test('many devices: one command with a cursor for each, and the others beside it', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one, again } = await live(here);
    const third = 'c0ffee00-0000-4000-8000-000000000003';
    for (const device of [DEVICE.toUpperCase(), OTHER, third]) one.subscribe({ channels: ['metrics'], devices: device, maxRate: 1 }, () => {});
    await clock.advance(0);
    assert.deepEqual(subscriptions(made.last), [
      { type: 'subscribe', channels: ['metrics'], maxRate: 1, deviceUuids: [DEVICE, OTHER, third] }]);
    for (const device of [DEVICE, OTHER]) made.last.say({ type: 'subscribed', channel: 'metrics', deviceUuid: device });
    made.last.metrics('a1', DEVICE);
    made.last.metrics('b1', OTHER);
    made.last.metrics('a2', DEVICE);
    await again();
    assert.deepEqual(subscriptions(made.last), [
      { type: 'subscribe', channels: ['metrics'], maxRate: 1, deviceUuids: [DEVICE, OTHER], since: { [DEVICE]: 'a2', [OTHER]: 'b1' } },
      { type: 'subscribe', channels: ['metrics'], maxRate: 1, deviceUuids: [third] },
    ]);
  }));

test('a device that had nothing to show is asked for from when it was subscribed', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one, again } = await live(here, { device: DEVICE });
    one.subscribe({ channels: ['metrics'] }, () => {});
    await clock.advance(0);
    const from = new Date(clock.now).toISOString();
    made.last.acknowledge();
    await clock.advance(5000);
    await again();
    assert.deepEqual(subscriptions(made.last), [{ type: 'subscribe', channels: ['metrics'], since: from }]);
  }));

test('whose latest value was still awaited is asked for that, and not for what came after', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one, again } = await live(here, { device: DEVICE });
    one.subscribe({ channels: ['metrics'] }, () => {});
    await clock.advance(0);
    made.last.acknowledge();
    await clock.advance(1000);
    await again();
    assert.deepEqual(subscriptions(made.last), [{ type: 'subscribe', channels: ['metrics'] }]);
  }));

test('until `subscribed` answers a `since`, what comes will come again, and is left out', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one, again } = await live(here, { device: DEVICE });
    const seen = [];
    one.subscribe({ channels: ['metrics'] }, ({ cursor }) => seen.push(cursor));
    await clock.advance(0);
    made.last.acknowledge();
    made.last.metrics('1');
    await again();
    for (const cursor of ['2', '3']) made.last.metrics(cursor);
    made.last.acknowledge(true);
    for (const cursor of ['2', '3', '4']) made.last.metrics(cursor);
    assert.deepEqual(seen, ['1', '2', '3', '4']);
    assert.equal(one.subscribe({ channels: ['metrics'] }).cursor(), '4');
  }));

test('bad-since: it is subscribed again without', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one } = await live(here, { device: DEVICE });
    const seen = [];
    const subscription = one.subscribe({ channels: ['metrics'], since: 'of an old version' }, ({ cursor }) => seen.push(cursor));
    await clock.advance(0);
    const [command] = made.last.take();
    assert.equal(command.since, 'of an old version');
    made.last.say({ type: 'error', data: { code: 'bad-since', message: '' }, id: command.id });
    await clock.advance(0);
    assert.deepEqual(subscriptions(made.last), [{ type: 'subscribe', channels: ['metrics'] }]);
    made.last.say({ type: 'subscribed', channel: 'metrics', deviceUuid: DEVICE });
    made.last.metrics('1');
    assert.deepEqual(seen, ['1']);
    assert.equal(subscription.cursor(), '1');
  }));

test('resume: false asks for the latest value alone', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one, again } = await live(here, { device: DEVICE });
    one.subscribe({ channels: ['metrics'], resume: false }, () => {});
    await clock.advance(0);
    made.last.acknowledge();
    made.last.metrics('1');
    await again();
    assert.deepEqual(subscriptions(made.last), [{ type: 'subscribe', channels: ['metrics'] }]);
  }));

test('a pass-through channel asks since its last message, so that what is missing is named', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one, again } = await live(here, { device: DEVICE });
    const gaps = [];
    one.subscribe({ channels: ['logs'] }, { logs: () => {}, gap: (gap) => gaps.push(gap.data.reason) });
    one.subscribe({ channels: ['metrics'] }, { metrics: () => {}, gap: () => gaps.push('not mine') });
    await clock.advance(0);
    made.last.acknowledge();
    made.last.say({ type: 'logs', data: 'x', deviceUuid: DEVICE, timestamp: '2026-11-22T14:05:00.123Z' });
    await again();
    assert.equal(subscriptions(made.last)[0].since, '2026-11-22T14:05:00.123Z');
    made.last.say({ type: 'gap', deviceUuid: DEVICE, data: { from: '', to: '', channels: ['logs'], reason: 'resume' } });
    assert.deepEqual(gaps, ['resume']);
  }));

test('who comes later gets the latest value, and nobody gets a sample twice', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one } = await live(here, { device: DEVICE });
    const first = [];
    const second = [];
    one.subscribe({ channels: ['metrics'] }, ({ cursor }) => first.push(cursor));
    await clock.advance(0);
    made.last.acknowledge();
    made.last.metrics('1');
    one.subscribe({ channels: ['metrics'] }, ({ cursor }) => second.push(cursor));
    await clock.advance(0);
    assert.deepEqual(subscriptions(made.last), [{ type: 'subscribe', channels: ['metrics'] }]);
    made.last.say({ type: 'subscribed', channel: 'metrics', deviceUuid: DEVICE });
    made.last.metrics('1');
    made.last.metrics('2');
    assert.deepEqual([first, second], [['1', '2'], ['1', '2']]);
  }));

test('of several rates the highest counts, and it falls when its subscriber leaves', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one } = await live(here, { device: DEVICE });
    one.subscribe({ channels: ['metrics'], maxRate: 1 }, () => {});
    const fast = one.subscribe({ channels: ['metrics'], maxRate: 10 }, () => {});
    await clock.advance(0);
    assert.equal(subscriptions(made.last)[0].maxRate, 10);
    const all = one.subscribe({ channels: ['metrics'] }, () => {});
    await clock.advance(0);
    assert.equal(subscriptions(made.last)[0].maxRate, undefined);
    all.close();
    fast.close();
    await clock.advance(0);
    assert.equal(subscriptions(made.last)[0].maxRate, 1);
  }));

test('what is left and wanted again at once is told apart', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one } = await live(here, { device: DEVICE });
    const subscription = one.subscribe({ channels: ['metrics'] }, () => {});
    await clock.advance(0);
    made.last.acknowledge();
    made.last.metrics('1');
    subscription.close();
    assert.equal(subscription.cursor(), undefined);
    await clock.advance(0);
    const seen = [];
    one.subscribe({ channels: ['metrics'] }, ({ cursor }) => seen.push(cursor));
    await clock.advance(0);
    assert.deepEqual(made.last.take().map(({ type }) => type), ['unsubscribe', 'subscribe']);
    made.last.metrics('1.5'); // on its way when we left
    made.last.say({ type: 'unsubscribed', channel: 'metrics', deviceUuid: DEVICE });
    made.last.say({ type: 'subscribed', channel: 'metrics', deviceUuid: DEVICE });
    made.last.metrics('2');
    made.last.metrics('3');
    assert.deepEqual(seen, ['2', '3']);
  }));

test('rate-limited: what was not answered is said again', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one } = await live(here);
    one.subscribe({ channels: ['metrics'], devices: DEVICE }, () => {});
    await clock.advance(0);
    made.last.acknowledge();
    one.subscribe({ channels: ['metrics'], devices: OTHER }, () => {});
    await clock.advance(0);
    made.last.take();
    made.last.say({ type: 'error', data: { code: 'rate-limited', message: '' } });
    await clock.advance(2000);
    assert.deepEqual(subscriptions(made.last), [{ type: 'subscribe', channels: ['metrics'], deviceUuids: [OTHER] }]);
  }));

test('rate-limited: a `since` that was not answered is said again as such', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one, again } = await live(here, { device: DEVICE });
    one.subscribe({ channels: ['metrics'] }, () => {});
    await clock.advance(0);
    made.last.acknowledge();
    made.last.metrics('1');
    await again();
    const first = subscriptions(made.last);
    made.last.say({ type: 'error', data: { code: 'rate-limited', message: '' } });
    await clock.advance(2000);
    assert.deepEqual([first[0].since, subscriptions(made.last)], ['1', first]);
  }));

test('what changes while a `since` is not answered is said after the answer', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one, again } = await live(here, { device: DEVICE });
    one.subscribe({ channels: ['metrics'], maxRate: 1 }, () => {});
    await clock.advance(0);
    made.last.acknowledge();
    made.last.metrics('1');
    await again();
    made.last.take();
    one.subscribe({ channels: ['metrics'], maxRate: 2 }, () => {});
    await clock.advance(1000);
    assert.deepEqual(subscriptions(made.last), []);
    made.last.say({ type: 'subscribed', channel: 'metrics', deviceUuid: DEVICE, resumed: true });
    await clock.advance(0);
    assert.deepEqual(subscriptions(made.last), [{ type: 'subscribe', channels: ['metrics'], maxRate: 2 }]);
  }));

test('two hundred subscriptions in many turns stay below the gateway\'s rate of commands', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one } = await live(here);
    for (let i = 0; i < 200; i++) {
      one.subscribe({ channels: ['metrics'], devices: DEVICE.slice(0, -3) + String(100 + i) }, () => {});
      await clock.advance(5);
    }
    await clock.advance(5000);
    const commands = made.last.take().filter(({ type }) => type === 'subscribe');
    assert.equal(commands.flatMap(({ deviceUuids }) => deviceUuids).length, 200);
    assert.ok(commands.length <= 60, `${commands.length} commands in a second`); // 20 at once, then 20 a second
  }));

test('no command is longer than the gateway takes', () =>
  world(async (here) => {
    const { clock, made, client } = here;
    const one = client({ minDelay: 100 });
    const devices = Array.from({ length: 256 }, (_, i) => DEVICE.slice(0, -3) + (0x100 + i).toString(16));
    one.subscribe({ channels: ['metrics', 'processes', 'network-interfaces'], devices }, () => {});
    for (const limits of [LIMITS, { ...LIMITS, maxMessageBytes: 4096 }]) {
      await settle();
      made.last.connected(limits);
      await clock.advance(0);
      const longest = Math.max(...made.last.sent.map((text) => text.length));
      assert.ok(longest <= limits.maxMessageBytes, `${longest} bytes`);
      made.last.acknowledge();
      for (const device of devices) made.last.metrics('AQAGYN32g5t4ASNFZ4mrze8AAtVh', device);
      made.last.end(1006);
      await clock.advance(100);
    }
  }));

test('nothing is kept of what nobody wants', async () => {
  const { Slots } = await internals();
  const slots = new Slots(true, () => {});
  const subscriber = (devices) => ({ devices, options: { channels: ['metrics', 'history'] }, deliver() {}, status() {} });
  const ones = Array.from({ length: 100 }, (_, i) => subscriber([`d${i}`]));
  for (const one of ones) slots.add(one, true);
  for (const command of slots.commands(96))
    for (const device of command.deviceUuids) for (const channel of command.channels) slots.subscribed(device, channel, 0);
  for (let i = 0; i < 100; i++) slots.deliver(`d${i}`, { type: 'metrics', deviceUuid: `d${i}`, timestamp: '', cursor: 'c' });
  assert.equal(slots.size, 100);
  for (const one of ones) slots.remove(one);
  for (const command of slots.commands(96))
    for (const device of command.deviceUuids) for (const channel of command.channels) slots.unsubscribed(device, channel);
  assert.equal(slots.size, 0);
  assert.equal(slots.dirty, false);
  // Nor where the connection ends before the answer, or there was none.
  for (const one of ones) slots.add(one, false);
  slots.commands(96);
  for (const one of ones) slots.remove(one);
  slots.offline(0);
  assert.equal(slots.size, 0);
  for (const one of ones) slots.add(one, false);
  for (const one of ones) slots.remove(one);
  assert.equal(slots.size, 0);
});

test('a device\'s status: what the gateway says, and whether there is a connection', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one, again } = await live(here);
    const states = [];
    one.subscribe({ channels: ['metrics'], devices: DEVICE }, { status: ({ state, bus, since }) => states.push([state, bus, since]) });
    await clock.advance(0);
    made.last.acknowledge();
    made.last.say({ type: 'status', deviceUuid: DEVICE, data: { device: 'stale', since: 'then' } });
    made.last.say({ type: 'status', deviceUuid: DEVICE, data: { bus: 'down' } });
    made.last.say({ type: 'status', deviceUuid: OTHER, data: { bus: 'down' } });
    await again();
    made.last.acknowledge();
    assert.deepEqual(states, [['live', 'up', undefined], ['stale', 'up', 'then'], ['stale', 'down', 'then'],
      ['reconnecting', 'up', undefined], ['live', 'up', undefined]]);
  }));

test('replays reach their own listeners only, and move no cursor', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one } = await live(here, { device: DEVICE });
    const replayed = [];
    const seen = [];
    one.on('replay', ({ type }) => replayed.push(type));
    const subscription = one.subscribe({ channels: ['metrics'] }, ({ cursor }) => seen.push(cursor));
    await clock.advance(0);
    made.last.acknowledge();
    made.last.metrics('9');
    assert.equal(one.replay({ from: new Date(1000), to: 2000, speed: 10, channels: ['metrics'] }), true);
    const { id, ...command } = made.last.take()[0];
    assert.deepEqual(command, { type: 'replay', from: 1000, to: 2000, speed: 10, channels: ['metrics'] });
    made.last.say({ type: 'replay-begin', id });
    made.last.say({ type: 'metrics', data: {}, deviceUuid: DEVICE, timestamp: '', cursor: '1', replay: true });
    made.last.say({ type: 'replay-end', id });
    assert.equal(one.stopReplay(), true);
    assert.equal(made.last.take()[0].type, 'replay-stop');
    assert.deepEqual([replayed, seen, subscription.cursor()], [['replay-begin', 'metrics', 'replay-end'], ['9'], '9']);
  }));

test('a broadcast, and a handler that throws', () =>
  world(async (here) => {
    const { clock, made } = here;
    const { one } = await live(here, { device: DEVICE });
    const seen = [];
    const thrown = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => thrown.push(error.message));
    one.on('broadcast', (message) => seen.push(message));
    one.subscribe({ channels: ['metrics'] }, () => {
      throw new Error('of the page');
    });
    const after = [];
    one.subscribe({ channels: ['metrics'] }, ({ cursor }) => after.push(cursor));
    await clock.advance(0);
    made.last.acknowledge();
    made.last.metrics('1');
    await settle();
    for (const listener of listeners) process.on('uncaughtException', listener);
    made.last.say({ type: 'maintenance', data: { at: 1 } });
    assert.deepEqual(seen, [{ type: 'maintenance', data: { at: 1 } }]);
    assert.deepEqual([thrown, after], [['of the page'], ['1']]);
  }));
