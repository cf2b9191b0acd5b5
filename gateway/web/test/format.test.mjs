import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { age, bytes, clock, duration, localInput, numberOf, percent } = await load('format');

test('numbers come as numbers, as text, or not at all', () => {
  for (const [given, wanted] of [[1.5, 1.5], ['1.5', 1.5], ['', null], [null, null], [undefined, null], ['x', null], [true, null], [NaN, null], [Infinity, null], [0, 0], [{}, null]])
    assert.equal(numberOf(given), wanted, String(given));
});

test('bytes', () => {
  for (const [given, wanted] of [[0, '0 B'], [1023, '1023 B'], [1024, '1.0 KiB'], [1536, '1.5 KiB'], [150 * 1024, '150 KiB'], [2 ** 40, '1.0 TiB'], [2 ** 70, '1048576 PiB'], [null, '–']])
    assert.equal(bytes(given), wanted);
});

test('percent', () => {
  for (const [given, wanted] of [[0, '0 %'], [12.34, '12.3 %'], [99.96, '100 %'], [null, '–']]) assert.equal(percent(given), wanted);
});

test('durations have two units at most', () => {
  for (const [given, wanted] of [[0, '0 s'], [59, '59 s'], [60, '1 min'], [61, '1 min 1 s'], [3600, '1 h'], [86_400 * 3 + 3600 * 4 + 59, '3 d 4 h'], [null, '–'], [-1, '–']])
    assert.equal(duration(given), wanted);
  assert.equal(age(900), 'just now');
  assert.equal(age(12_345), '12 s ago');
});

test('the time of another day has its date', () => {
  const now = new Date(2026, 0, 2, 12, 0, 0).getTime();
  assert.equal(clock(new Date(2026, 0, 2, 9, 5, 7).getTime(), now), '09:05:07');
  assert.equal(clock(new Date(2026, 0, 1, 9, 5, 7).getTime(), now), '2026-01-01 09:05:07');
  assert.equal(localInput(new Date(2026, 0, 1, 9, 5, 7).getTime()), '2026-01-01T09:05:07');
});
