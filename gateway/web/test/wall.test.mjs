import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { layout, place, step, visible } = await load('wall_layout');
const { WallDevice } = await load('wall_model');

test('tiles fill the width, two side by side even on a phone', () => {
  assert.equal(layout(200, 1368).columns, 8);
  assert.equal(layout(200, 336).columns, 2);
  assert.equal(layout(200, 200).columns, 1);
  for (const width of [200, 336, 800, 1368]) {
    const plan = layout(200, width);
    const { left } = place(plan.columns - 1, plan);
    assert.ok(Math.abs(left + plan.tileWidth - width) < 0.01 || plan.tileWidth === 300, `${width}`);
  }
});

test('a few tiles do not become banners', () => {
  const plan = layout(2, 1368);
  assert.equal(plan.columns, 2);
  assert.equal(plan.tileWidth, 300);
  assert.equal(layout(0, 1000).height, 0);
});

test('no tile that can be seen is left out, and few others are drawn', () => {
  const plan = layout(200, 1368);
  for (let top = 0; top < plan.height; top += 7) {
    const bottom = top + 700;
    const [first, end] = visible(top, bottom, 200, plan);
    for (let i = 0; i < 200; i++) {
      const at = place(i, plan).top;
      const seen = at < bottom && at + plan.tileHeight > top;
      assert.equal(i >= first && i < end, seen, `tile ${i} at ${at}, window ${top} to ${bottom}`);
    }
  }
});

test('arrow keys stay inside', () => {
  assert.equal(step(0, 'ArrowLeft', 10, 4), 0);
  assert.equal(step(0, 'ArrowRight', 10, 4), 1);
  assert.equal(step(0, 'ArrowDown', 10, 4), 4);
  assert.equal(step(8, 'ArrowDown', 10, 4), 8);
  assert.equal(step(5, 'Home', 10, 4), 0);
  assert.equal(step(5, 'End', 10, 4), 9);
  assert.equal(step(5, 'x', 10, 4), 5);
});

const point = (i, value = i) => ({ time: '', timestamp: new Date(i * 1000).toISOString(), value });

test('a device of the wall keeps as many points as its line has', () => {
  const device = new WallDevice('00000000-0000-4000-8000-000000000001');
  assert.equal(device.name, '00000000');
  for (let i = 0; i < 150; i++) device.history({ cpu: [point(i)], memory: [{ used: 1, available: 3 }], network: [] }, false);
  assert.equal(device.length, 60);
  assert.equal(device.at(0), 90);
  assert.equal(device.at(59), 149);
  assert.equal(device.memory, 25);
  assert.equal(device.last, 149_000);
  device.history({ cpu: [point(7), point(8)], memory: [], network: [] }, true);
  assert.deepEqual([device.length, device.at(0), device.at(1)], [2, 7, 8]);
});

test('a window without points is nothing known', () => {
  const device = new WallDevice('00000000-0000-4000-8000-000000000001', 'pump');
  device.history({ cpu: [], memory: [{ used: 0, available: 0 }], network: [] }, true);
  assert.deepEqual([device.cpu, device.memory, device.words], [null, null, 'pump, unknown, CPU unknown']);
});
