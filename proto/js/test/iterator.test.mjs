// Reading at one's own pace: bounded queues, and what happens beyond.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE, OTHER, settle, world } from './world.mjs';

/** A client that is up, and `next()` of an iterator of `options`. */
async function reading({ clock, made, client }, options) {
  const one = client();
  const subscription = one.subscribe({ devices: [DEVICE, OTHER], ...options });
  const iterator = subscription[Symbol.asyncIterator]();
  await settle();
  made.last.connected();
  await clock.advance(0);
  made.last.acknowledge();
  return { one, subscription, iterator, next: async () => (await iterator.next()).value };
}

test('messages come in order, whether one waits for them or not', () =>
  world(async (here) => {
    const { next } = await reading(here, { channels: ['metrics'] });
    const waiting = [next(), next()];
    for (const cursor of ['1', '2', '3', '4']) here.made.last.metrics(cursor);
    waiting.push(next(), next());
    assert.deepEqual((await Promise.all(waiting)).map(({ cursor }) => cursor), ['1', '2', '3', '4']);
  }));

test('drop-oldest: the newest are kept, and how many fell out is told in their place', () =>
  world(async (here) => {
    const { next } = await reading(here, { channels: ['metrics'], queue: 3 });
    for (let i = 1; i <= 10; i++) here.made.last.metrics(String(i));
    assert.deepEqual(await next(), { type: 'overflow', dropped: 7 });
    for (const cursor of ['8', '9', '10']) assert.equal((await next()).cursor, cursor);
    here.made.last.metrics('11');
    assert.equal((await next()).cursor, '11');
  }));

test('conflate: the newest of each device and channel, and every gap and appended window', () =>
  world(async (here) => {
    const { next } = await reading(here, { channels: ['metrics', 'history'], overflow: 'conflate', queue: 2 });
    for (let i = 1; i <= 100; i++) {
      here.made.last.metrics(`a${i}`, DEVICE);
      here.made.last.metrics(`b${i}`, OTHER);
    }
    here.made.last.metrics('a101', DEVICE); // now the newest of all
    here.made.last.say({ type: 'gap', deviceUuid: DEVICE, data: { channels: ['metrics'] } });
    for (const cursor of ['h1', 'h2', 'h3'])
      here.made.last.say({ type: 'history', data: {}, deviceUuid: DEVICE, timestamp: '', mode: 'append', cursor });
    assert.deepEqual(await next(), { type: 'overflow', dropped: 2 });
    assert.deepEqual([(await next()).cursor, (await next()).cursor], ['b100', 'a101']);
    assert.deepEqual([(await next()).cursor, (await next()).cursor], ['h2', 'h3']);
    here.made.last.metrics('a102', DEVICE);
    assert.equal((await next()).cursor, 'a102');
  }));

test('leaving the loop closes the subscription, unless somebody else listens', () =>
  world(async (here) => {
    const { one } = await reading(here, { channels: ['processes'] });
    for (const [handlers, closed] of [[undefined, true], [() => {}, false]]) {
      const subscription = one.subscribe({ channels: ['metrics'], devices: DEVICE }, handlers);
      const until = async (cursor) => {
        for await (const message of subscription) if (message.cursor === cursor) return;
      };
      const loops = [until('1'), until('2')];
      await here.clock.advance(0);
      here.made.last.acknowledge();
      here.made.last.metrics('1');
      await loops[0];
      assert.equal(subscription.closed, false);
      here.made.last.metrics('2');
      await loops[1];
      assert.equal(subscription.closed, closed);
      await here.clock.advance(0);
      here.made.last.acknowledge();
    }
  }));

test('close() ends a loop after what it has in its queue', () =>
  world(async (here) => {
    const { one, iterator, next } = await reading(here, { channels: ['metrics'] });
    here.made.last.metrics('1');
    one.close();
    assert.equal((await next()).cursor, '1');
    assert.deepEqual(await iterator.next(), { value: undefined, done: true });
    assert.throws(() => one.subscribe({ channels: ['metrics'] }), { code: 'closed' });
  }));

test('giving up ends a loop with the error, and a later loop reads on after connect()', () =>
  world(async (here) => {
    const { one, subscription, next } = await reading(here, { channels: ['metrics'] });
    const other = one.subscribe({ channels: ['metrics'], devices: DEVICE }, () => {});
    const waiting = next();
    here.made.last.end(4403);
    await assert.rejects(waiting, { code: 'close-4403', fatal: true });
    assert.deepEqual([subscription.closed, other.closed], [true, false]);
    const sockets = here.made.length;
    const later = one.subscribe({ channels: ['processes'], devices: OTHER }, () => {}); // no reason to try again
    await assert.rejects(one.history({ device: DEVICE, from: 0 }), { code: 'closed' });
    await here.clock.advance(60_000);
    assert.equal(here.made.length, sockets);
    later.close();
    one.connect();
    await settle();
    here.made.last.connected();
    assert.deepEqual(here.made.last.take()[0].deviceUuids, [DEVICE]);
  }));
