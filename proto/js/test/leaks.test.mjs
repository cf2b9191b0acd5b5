// A thousand connections later.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE, jwt, page, settle, world } from './world.mjs';

test('1 000 reconnects leave no timer, no listener and no open socket behind, and close() none at all', () =>
  world(async ({ clock, made, client, states }) => {
    const tab = page();
    try {
      const one = client({ device: DEVICE, minDelay: 10, token: () => jwt(clock.now + 3_600_000, { n: made.length }) });
      const seen = [];
      one.subscribe({ channels: ['metrics', 'history'] }, { metrics: ({ cursor }) => seen.push(cursor) });
      one.history({ from: 0, timeout: 1e9 }).catch(() => {});
      const codes = [1001, 1006, 1011, 1012, 1013, 4401, 4408, 4429, 4508];
      for (let i = 0; i < 1000; i++) {
        await settle();
        made.last.connected();
        made.last.acknowledge();
        made.last.metrics(String(i));
        assert.ok(clock.timers.size <= 4, `${clock.timers.size} timers in cycle ${i}`); // life, token, question, commands
        if (i % 3 === 0) await clock.advance(5000);
        made.last.end(codes[i % codes.length]);
        assert.equal(clock.timers.size, 2); // the next connection, and the question
        await clock.advance(states.at(-1).retryIn);
        assert.equal(made.length, i + 2);
      }
      assert.deepEqual(seen, Array.from({ length: 1000 }, (_, i) => String(i)));
      const left = made.slice(0, -1);
      assert.ok(left.every(({ onopen, onmessage, onclose, readyState }) => !onopen && !onmessage && !onclose && readyState === 3));
      assert.equal(tab.counts.listeners, 2);
      one.close();
      await settle();
      assert.deepEqual([clock.timers.size, tab.counts.listeners, made.last.readyState, made.last.onmessage], [0, 0, 3, null]);
      assert.equal(made.last.closed, 1000);
    } finally {
      tab.end();
    }
  }));

test('close() at any moment leaves nothing', () =>
  world(async ({ clock, made, client }) => {
    const moments = [
      () => {},
      async () => settle(),
      async () => (await settle(), made.last.connected()),
      async () => (await settle(), made.last.connected(), clock.advance(0)),
      async () => (await settle(), made.last.end(1006)),
    ];
    for (const until of moments) {
      const one = client({ token: async () => 'a.b.c' });
      const subscription = one.subscribe({ channels: ['metrics'], devices: DEVICE });
      const loop = (async () => {
        for await (const _ of subscription);
      })();
      await until();
      one.close();
      one.close();
      await loop;
      await settle();
      assert.equal(clock.timers.size, 0);
      assert.ok(made.every(({ readyState }) => readyState === 3));
      assert.equal(one.state, 'closed');
    }
  }));
