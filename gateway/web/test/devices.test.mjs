import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, storage } from './load.mjs';

const { Devices, addressOf, parseAddress, parseDevice } = await load('devices');
const { Names } = await load('names');
const uuid = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

test('a UUID, however it is written', () => {
  assert.equal(parseDevice(` ${uuid(1).toUpperCase()} `), uuid(1));
  for (const bad of ['', 'x', uuid(1).slice(1), `${uuid(1)}0`, '<script>']) assert.equal(parseDevice(bad), undefined);
});

test('the address names devices, and what in it is none', () => {
  const found = parseAddress(`?devices=${uuid(1)},nonsense,,${uuid(2)},${uuid(1)}&device=${uuid(3)}`);
  assert.deepEqual(found.devices, [uuid(1), uuid(2), uuid(3)]);
  assert.deepEqual(found.refused, ['nonsense']);
  assert.equal(found.device, uuid(3));
  assert.deepEqual(parseAddress('').devices, []);
});

test('more devices than one connection takes are refused', () => {
  const found = parseAddress(`?devices=${Array.from({ length: 300 }, (_, i) => uuid(i)).join(',')}`);
  assert.equal(found.devices.length, 256);
  assert.equal(found.refused.length, 44);
});

test('what the address says comes back the same', () => {
  const { devices, device } = parseAddress(addressOf([uuid(1), uuid(2)], uuid(2)));
  assert.deepEqual([devices, device], [[uuid(1), uuid(2)], uuid(2)]);
});

test('devices are remembered, those of the address first', () => {
  const kept = storage({ 'pulsegate.devices': JSON.stringify([uuid(9), 'rubbish', uuid(1)]) });
  const devices = new Devices([uuid(1)], kept);
  assert.deepEqual(devices.list, [uuid(1), uuid(9)]);
  assert.equal(devices.add(uuid(9)), false);
  assert.equal(devices.add(uuid(3)), true);
  devices.remove(uuid(1));
  assert.deepEqual(new Devices([], kept).list, [uuid(9), uuid(3)]);
});

test('a store that holds rubbish, or refuses, does no harm', () => {
  assert.deepEqual(new Devices([], storage({ 'pulsegate.devices': '{"a":' })).list, []);
  assert.deepEqual(new Devices([], storage({ 'pulsegate.devices': '7' })).list, []);
  const refusing = { getItem: () => { throw new Error('no'); }, setItem: () => { throw new Error('no'); } };
  assert.deepEqual(new Devices([uuid(1)], refusing).list, [uuid(1)]);
  assert.equal(new Names(refusing).get(uuid(1)), undefined);
});

test('names are learnt, bounded, and cut', async () => {
  const kept = storage({ 'pulsegate.names': JSON.stringify({ a: 'one', b: 7 }) });
  const names = new Names(kept);
  assert.equal(names.get('a'), 'one');
  assert.equal(names.get('b'), undefined);
  assert.equal(names.set('a', 'one'), false);
  for (let i = 0; i < 600; i++) names.set(uuid(i), 'x'.repeat(200));
  assert.equal(names.get(uuid(599)).length, 80);
  assert.equal(names.get('a'), undefined);
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(Object.keys(JSON.parse(kept.getItem('pulsegate.names'))).length, 512);
});
