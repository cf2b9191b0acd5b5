import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { Series, Ring } = await load('series');
const filled = (...times) => {
  const series = new Series(1);
  for (const time of times) series.add(time, time * 10);
  return series;
};

test('points stand in the order of their times, whatever order they come in', () => {
  assert.deepEqual(filled(3, 1, 2).columns(), [[1, 2, 3], [10, 20, 30]]);
});

test('a point of a time that is there replaces it', () => {
  const series = filled(1, 2, 3);
  series.add(2, 99);
  assert.deepEqual(series.columns(), [[1, 2, 3], [10, 99, 30]]);
});

test('times that are none are left out', () => {
  const series = filled(1);
  series.add(NaN, 5);
  assert.equal(series.length, 1);
});

test('nothing is drawn across a gap that the gateway names', () => {
  const series = filled(1, 2, 10, 11);
  series.gap(3, 9);
  assert.deepEqual(series.columns(), [[1, 2, 6, 10, 11], [10, 20, null, 100, 110]]);
  assert.deepEqual(series.gaps, [{ from: 3, to: 9 }]);
});

test('a gap that begins at the last sample, and ends at the next, breaks the line between them', () => {
  const series = filled(1, 2, 10);
  series.gap(2, 10);
  assert.deepEqual(series.columns()[1], [10, 20, null, 100]);
});

test('nor across a time without reports that is much longer than usual', () => {
  assert.deepEqual(filled(0, 5, 10, 15, 20).columns()[1].includes(null), false);
  assert.deepEqual(filled(0, 5, 10, 15, 50).columns()[1], [0, 50, 100, 150, null, 500]);
});

test('slow devices have no gap between two reports', () => {
  assert.equal(filled(0, 60, 120, 180).columns()[1].includes(null), false);
});

test('gaps that touch are one; one without length is none', () => {
  const series = filled(1);
  series.gap(1, 5);
  series.gap(4, 8);
  series.gap(9, 9);
  series.gap(20, 30);
  assert.deepEqual(series.gaps, [{ from: 1, to: 8 }, { from: 20, to: 30 }]);
});

test('what is kept is bounded: the oldest points go, and the gaps before them', () => {
  const series = new Series(2, 100);
  series.gap(3, 4);
  for (let i = 0; i < 1000; i++) {
    series.add(i, i, -i);
    if (i > 200) series.gap(i - 0.5, i - 0.4);
  }
  assert.ok(series.length <= 110 && series.length >= 100, `${series.length}`);
  assert.equal(series.columns()[0].at(-1), 999);
  assert.equal(series.last(1), -999);
  assert.ok(series.gaps.length <= 64);
  assert.ok(series.gaps.every(({ to }) => to > 800));
});

test('ranges tell of what is shown only', () => {
  const series = filled(1, 2, 3, 4);
  assert.deepEqual(series.range(0, 2, 3), { min: 20, max: 30 });
  assert.equal(series.range(0, 8, 9), undefined);
});

test('a ring keeps the newest, and counts all', () => {
  const ring = new Ring(3);
  for (let i = 0; i < 10; i++) ring.push(i);
  assert.deepEqual([...ring.items], [7, 8, 9]);
  assert.equal(ring.count, 10);
});
