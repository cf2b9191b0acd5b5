// Questions about the past.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE, settle, world } from './world.mjs';

const queries = (socket) => socket.take().filter(({ type }) => type === 'history-query');
const answer = (socket, { id }) => socket.say({ type: 'history-result', id, deviceUuid: DEVICE, data: { cpu: [], memory: [], network: [] } });

async function live({ made, client }, options) {
  const one = client({ pingInterval: 1e8, minDelay: 100, ...options });
  one.connect();
  await settle();
  made.last.connected();
  return one;
}

test('questions are answered in turn, one at a time', () =>
  world(async (here) => {
    const one = await live(here);
    const answers = [1, 2].map((n) => one.history({ device: DEVICE, from: new Date(n), to: n + 1, points: 10, downsample: 'minmax' }));
    await settle();
    const [first, ...more] = queries(here.made.last);
    assert.deepEqual(first, { type: 'history-query', id: 'q1', deviceUuid: DEVICE, from: 1, to: 2, points: 10, downsample: 'minmax' });
    assert.deepEqual(more, []);
    answer(here.made.last, first);
    assert.equal((await answers[0]).id, 'q1');
    const [second] = queries(here.made.last);
    answer(here.made.last, second);
    assert.equal((await answers[1]).id, 'q2');
    assert.equal(here.clock.timers.size, 1); // the sign of life
  }));

test('a question outlives its connection', () =>
  world(async (here) => {
    const one = await live(here);
    const result = one.history({ device: DEVICE, from: 0 });
    await settle();
    const [first] = queries(here.made.last);
    here.made.last.end(1006);
    await here.clock.advance(100);
    here.made.last.connected();
    const [again] = queries(here.made.last);
    assert.deepEqual(again, first);
    answer(here.made.last, again);
    assert.equal((await result).type, 'history-result');
  }));

test('an error, a timeout, an abort and close() reject', () =>
  world(async (here) => {
    const one = await live(here);
    const refused = one.history({ device: DEVICE, from: 0, points: 9999 });
    await settle();
    here.made.last.say({ type: 'error', data: { code: 'bad-query', message: 'points: 1 to 2000' }, id: 'q1' });
    await assert.rejects(refused, { code: 'bad-query', message: 'points: 1 to 2000' });

    const late = one.history({ device: DEVICE, from: 0, timeout: 500 });
    late.catch(() => {});
    await here.clock.advance(500);
    await assert.rejects(late, { code: 'timeout' });

    const { signal, ...controller } = new AbortController();
    void controller;
    const aborting = new AbortController();
    let listeners = 0;
    for (const [name, step] of [['addEventListener', 1], ['removeEventListener', -1]]) {
      const original = aborting.signal[name].bind(aborting.signal);
      aborting.signal[name] = (...args) => ((listeners += step), original(...args));
    }
    const aborted = one.history({ device: DEVICE, from: 0, signal: aborting.signal });
    await settle();
    assert.equal(listeners, 1);
    aborting.abort();
    await assert.rejects(aborted, { name: 'AbortError' });
    assert.equal(listeners, 0);
    await assert.rejects(one.history({ device: DEVICE, from: 0, signal: aborting.signal }), { name: 'AbortError' });
    void signal;

    const open = one.history({ device: DEVICE, from: 0 });
    open.catch(() => {});
    await settle();
    one.close();
    await assert.rejects(open, { code: 'closed' });
    await assert.rejects(one.history({ from: 0 }), { code: 'closed' });
    assert.equal(here.clock.timers.size, 0);
  }));

test('a question behind one that was given up waits until there is room', () =>
  world(async (here) => {
    const one = await live(here);
    const controller = new AbortController();
    const first = one.history({ device: DEVICE, from: 0, signal: controller.signal });
    first.catch(() => {});
    const second = one.history({ device: DEVICE, from: 1 });
    await settle();
    const [given] = queries(here.made.last);
    controller.abort();
    const [asked] = queries(here.made.last);
    here.made.last.say({ type: 'error', data: { code: 'query-open', message: '' }, id: asked.id });
    answer(here.made.last, given); // nobody's
    await here.clock.advance(2000);
    const [again] = queries(here.made.last);
    assert.equal(again.id, asked.id);
    answer(here.made.last, again);
    assert.equal((await second).id, asked.id);
  }));

test('giving up rejects what is open', () =>
  world(async (here) => {
    const one = await live(here);
    const open = one.history({ device: DEVICE, from: 0 });
    open.catch(() => {});
    await settle();
    here.made.last.end(4403);
    await assert.rejects(open, { code: 'close-4403' });
  }));
