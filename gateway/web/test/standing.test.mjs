import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { standing } = await load('connection_state');
const live = { state: 'live' };
const device = (more) => ({ device: '', state: 'live', bus: 'up', database: 'up', ...more });
const now = Date.parse('2026-11-22T14:05:00Z');

test('each way to stand has its word', () => {
  const cases = [
    [{ state: 'connecting' }, undefined, false, 'connecting'], [{ state: 'reconnecting', code: 1006 }, device(), false, 'reconnecting'],
    [{ state: 'failed', code: 4404 }, device(), false, 'refused'], [live, device(), false, 'live'], [live, device({ state: 'stale' }), false, 'stale'],
    [live, device({ state: 'unknown' }), false, 'unknown'], [live, device({ bus: 'down' }), false, 'delayed'], [live, device(), true, 'replay'],
  ];
  for (const [connection, status, replaying, word] of cases) assert.equal(standing(connection, status, now - 3000, replaying, now).word, word);
});

test('the connection counts before the device, and the bus before its silence', () => {
  assert.equal(standing({ state: 'reconnecting' }, device({ state: 'stale' }), now, true, now).word, 'reconnecting');
  assert.equal(standing(live, device({ state: 'stale', bus: 'down' }), now, false, now).word, 'delayed');
});

test('sentences say since when, and why', () => {
  assert.match(standing(live, device(), now - 12_000, false, now).sentence, /Last report 12 s ago/);
  assert.match(standing(live, device({ database: 'down' }), now, false, now).sentence, /database is away/);
  assert.match(standing({ state: 'failed', code: 4403, reason: 'not yours' }, undefined, undefined, false, now).sentence, /4403, not yours/);
});
