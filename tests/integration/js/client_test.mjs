// The TypeScript client against the real gateway: whatever ends its connections, every sample comes once and in order.
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import {
  BrowserSocket, Gateway, Proxy, Servers, WebSocket, connect, connections, endAll, eventually, file, newDevice, reporting, sleep, token,
} from './world.mjs';

const servers = await new Servers().start();
const OPEN = ['--auth', 'none', '--resume-hold', '30s']; // on a busy machine rows and stream may take their time
afterEach(endAll);
after(() => servers.stop());

/** What each device has reported to `client`, as whole numbers. */
function collect({ client }, devices, options = {}) {
  const samples = Object.fromEntries(devices.map((device) => [device, []]));
  const subscription = client.subscribe({ channels: ['metrics'], devices, ...options },
    ({ data, deviceUuid }) => samples[deviceUuid].push(Math.round(data.cpu_usage * 100)));
  return { samples, subscription };
}
/** All of 1 … `last`, once and in order; a client that came later may begin later. */
function assertComplete(samples, last) {
  for (const [device, numbers] of Object.entries(samples)) {
    const first = numbers[0] ?? 1;
    assert.deepEqual(numbers, Array.from({ length: last - first + 1 }, (_, i) => first + i), device);
  }
}
const allHave = (samples, last) => () => Object.values(samples).every((numbers) => numbers.at(-1) === last);

test('kill -9 and restart: fifty devices on one socket and one on its own miss nothing', { timeout: 120_000 }, async () => {
  const gateway = await new Gateway(servers, OPEN).start();
  const devices = Array.from({ length: 50 }, newDevice);
  const fleet = connect(gateway.port);
  const single = connect(gateway.port, { device: devices[0] });
  const seen = collect(fleet, devices);
  const own = [];
  single.client.subscribe({ channels: ['metrics'] }, ({ data }) => own.push(Math.round(data.cpu_usage * 100)));
  const reports = reporting(servers, devices, 100);
  await eventually('both are live', () => own.length > 5 && Object.values(seen.samples).every(({ length }) => length > 5));
  for (let round = 1; round <= 2; round++) {
    await gateway.end('SIGKILL');
    const missed = reports.count;
    await eventually('some are missed', () => reports.count > missed + 3);
    await gateway.start();
    await eventually('both are back', () => connections(fleet) > round && connections(single) > round);
    await sleep(300);
  }
  const last = await reports.stop();
  await eventually('all has come', allHave({ ...seen.samples, own }, last));
  assertComplete({ ...seen.samples, own }, last);
  assert.deepEqual([...fleet.gaps, ...single.gaps, ...fleet.errors, ...single.errors], []);
  const resumed = fleet.commands.filter(({ since }) => since);
  assert.equal(new Set(resumed.flatMap(({ deviceUuids }) => deviceUuids)).size, 50);
  assert.ok(resumed.length <= connections(fleet), `${resumed.length} commands`);
});

test('a proxy that drops idle sockets', { timeout: 120_000 }, async () => {
  const gateway = await new Gateway(servers, OPEN).start();
  const proxy = await new Proxy([gateway], '1200ms').start();
  const device = newDevice();
  const quiet = connect(proxy.port);
  const lively = connect(proxy.port, { pingInterval: 200 });
  const seen = [quiet, lively].map((each) => collect(each, [device]).samples);
  const begun = ({ commands }) => commands.length > 0;
  await eventually('both have subscribed', () => begun(quiet) && begun(lively));
  await sleep(100);
  await servers.report([{ device, cpu: 0.01 }]);
  await eventually('both have begun', () => seen.every((samples) => samples[device].length === 1));
  for (let i = 2; i <= 4; i++) {
    const cuts = () => quiet.states.filter(({ state }) => state === 'reconnecting').length;
    await eventually('the quiet one was cut', () => cuts() >= i - 1);
    await servers.report([{ device, cpu: i / 100 }]);
  }
  for (const samples of seen) await eventually('all has come', allHave(samples, 4));
  for (const samples of seen) assertComplete(samples, 4);
  assert.ok(connections(quiet) >= 3, `${connections(quiet)} connections`);
  assert.equal(connections(lively), 1);
  assert.deepEqual([...quiet.gaps, ...quiet.errors, ...lively.gaps, ...lively.errors], []);
});

test('a drain: the client is told when to come back, and goes on at another replica', { timeout: 120_000 }, async () => {
  const gateways = [await new Gateway(servers, [...OPEN, '--drain-time', '1s']).start(), await new Gateway(servers, OPEN).start()];
  const proxy = await new Proxy(gateways, '60s').start();
  const device = newDevice();
  const clients = [connect(proxy.port), connect(proxy.port), connect(proxy.port), connect(proxy.port)];
  const hints = new Map();
  for (const each of clients) each.client.on('message', (message) => message.type === 'reconnect' && hints.set(each, message.data.after_ms));
  const seen = clients.map((each) => collect(each, [device]).samples);
  const reports = reporting(servers, [device], 50);
  await eventually('all are live', () => seen.every((samples) => samples[device].length > 3));
  await gateways[0].end('SIGTERM');
  const moved = clients.filter((each) => hints.has(each));
  assert.equal(moved.length, 2); // they were taken in turns
  await eventually('they are back', () => moved.every((each) => connections(each) === 2));
  for (const each of moved) {
    const { code, retryIn } = each.states.find(({ state }) => state === 'reconnecting');
    assert.equal(code, 1012);
    assert.ok(retryIn >= hints.get(each) && retryIn <= hints.get(each) + 100, `${retryIn} of ${hints.get(each)}`);
  }
  await sleep(200);
  const last = await reports.stop();
  for (const samples of seen) await eventually('all has come', allHave(samples, last));
  for (const samples of seen) assertComplete(samples, last);
  assert.deepEqual(clients.flatMap(({ gaps }) => gaps), []);
});

test('tokens are renewed on the open connection, and after one has ended', { timeout: 120_000 }, async () => {
  const secret = 'the secret of these tests, 32 bytes and more';
  const gateway = await new Gateway(servers, ['--jwt-key', file('secret', secret), '--jwt-leeway', '0']).start();
  const device = newDevice();
  const give = (seconds) => token(secret, { sub: 'alice', exp: Math.floor(Date.now() / 1000) + seconds, jti: String(Math.random()) });
  const renewed = connect(gateway.port, { token: async () => give(5) });
  // There is no new one while the old one holds, and the first two after it have ended, too.
  for (const Socket of [WebSocket, BrowserSocket]) {
    const asked = [];
    const ended = connect(gateway.port, { WebSocket: Socket, token: (refused) => {
      asked.push(refused);
      if (asked.length === 1) return give(2);
      if (refused === undefined) return null;
      return asked.filter(Boolean).length <= 2 ? give(-5) : give(60);
    } });
    const { samples } = collect(ended, [device]);
    const all = collect(renewed, [device]);
    const reports = reporting(servers, [device], 100);
    await eventually('a good token is taken', () => ended.client.state === 'live' && asked.filter(Boolean).length === 3);
    await sleep(200);
    const last = await reports.stop();
    for (const each of [samples, all.samples]) {
      await eventually('all has come', allHave(each, last));
      const numbers = each[device];
      const first = numbers.indexOf(1) < 0 ? 0 : numbers.indexOf(1); // the second round begins with the last of the first
      assertComplete({ [device]: numbers.slice(first) }, last);
    }
    all.subscription.close();
    assert.equal(new Set(asked.filter(Boolean)).size, 3);
    assert.ok(ended.states.some(({ code }) => code === 4401));
    assert.equal(ended.errors.some(({ fatal }) => fatal), false);
    ended.client.close();
  }
  await eventually('two were renewed', () => renewed.commands.filter(({ type }) => type === 'auth').length >= 2);
  assert.equal(connections(renewed), 1);
  assert.deepEqual(renewed.errors, []);
  for (const [options, code] of [[{}, 'token-refused'], [{ token: give(-5), WebSocket: BrowserSocket }, 'token-refused'],
    [{ token: token('another secret, of 32 bytes or more', { exp: 1e10 }) }, 'token-refused']]) {
    const refused = connect(gateway.port, options);
    refused.client.connect();
    await eventually('it gives up', () => refused.client.state === 'failed');
    assert.equal(refused.errors.at(-1).code, code);
  }
});

test('history, in its forms and as a question', { timeout: 120_000 }, async () => {
  const gateway = await new Gateway(servers, OPEN).start();
  const device = newDevice();
  const reports = [];
  for (let i = 1; i <= 40; i++) reports.push({ device, cpu: i });
  await servers.report(reports);
  const fleet = connect(gateway.port);
  const single = connect(gateway.port, { device });
  const ask = { from: Date.now() - 60_000, points: 10, downsample: 'minmax' };
  const [a, b] = await Promise.all([fleet.client.history({ device, ...ask }), single.client.history(ask)]);
  assert.deepEqual(a.data, b.data);
  assert.ok(a.data.cpu.length >= 5 && a.data.cpu.length <= 10, `${a.data.cpu.length} points`);
  const answers = await Promise.all([1, 2, 3, 4].map((points) => single.client.history({ ...ask, points: points * 5 })));
  assert.equal(answers.length, 4);
  single.onPurpose = ({ points }) => points === 5000;
  fleet.onPurpose = ({ type, deviceUuid }) => type === 'history-query' && deviceUuid === 'kitchen';
  await assert.rejects(single.client.history({ ...ask, points: 5000 }), { code: 'bad-query' });
  await assert.rejects(fleet.client.history({ device: 'kitchen', ...ask }), { code: 'invalid-device' });
  await assert.rejects(fleet.client.history(ask), { code: 'missing-device' });
  const aborted = new AbortController();
  const never = single.client.history({ ...ask, signal: aborted.signal });
  aborted.abort();
  await assert.rejects(never, { name: 'AbortError' });
  assert.equal((await single.client.history(ask)).type, 'history-result');

  // Appended points over a kill, as one chart; and an iterator.
  const chart = [];
  single.client.subscribe({ channels: ['history'], history: { mode: 'append', points: 100 } }, ({ mode, data }) => {
    if (mode === 'replace') chart.length = 0;
    chart.push(...data.cpu.map(({ value }) => value));
  });
  const loop = (async () => {
    const values = [];
    for await (const message of fleet.client.subscribe({ channels: ['metrics'], devices: device })) {
      if (message.type === 'metrics') values.push(message.data.cpu_usage);
      if (values.at(-1) === 50) return values;
    }
  })();
  await eventually('the window has come', () => chart.length === 40);
  await servers.report([{ device, cpu: 41 }, { device, cpu: 42 }]);
  await eventually('both are appended', () => chart.at(-1) === 42);
  await gateway.end('SIGKILL');
  await servers.report([43, 44, 45, 46].map((cpu) => ({ device, cpu })));
  await gateway.start();
  await eventually('what was missed has come', () => chart.at(-1) === 46);
  await servers.report([47, 48, 49, 50].map((cpu) => ({ device, cpu })));
  await eventually('and what is live', () => chart.at(-1) === 50);
  assert.deepEqual(chart, Array.from({ length: 50 }, (_, i) => i + 1));
  assert.deepEqual(await loop, [40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50]);
});

test('a replay beside what is live moves no cursor', { timeout: 120_000 }, async () => {
  const gateway = await new Gateway(servers, [...OPEN, '--replay', 'all']).start();
  const device = newDevice();
  await servers.report([1, 2, 3, 4, 5].map((cpu) => ({ device, cpu })));
  const fleet = connect(gateway.port);
  const live = [];
  const subscription = fleet.client.subscribe({ channels: ['metrics'], devices: device }, ({ data }) => live.push(data.cpu_usage));
  await eventually('the latest has come', () => live.length === 1);
  const cursor = subscription.cursor(device);
  const replayed = [];
  fleet.client.on('replay', (message) => replayed.push(message));
  assert.equal(fleet.client.replay({ device, from: Date.now() - 60_000, speed: 100, channels: ['metrics'], live: 'mix' }), true);
  await eventually('it is over', () => replayed.at(-1)?.type === 'replay-end');
  assert.deepEqual(replayed.slice(1, -1).map(({ data }) => data.cpu_usage), [1, 2, 3, 4, 5]);
  assert.deepEqual([replayed[0].type, replayed.at(-1).data.reason, live], ['replay-begin', 'done', [5]]);
  assert.equal(subscription.cursor(device), cursor);
  fleet.client.stopReplay(device);
  await eventually('there is none to stop', () => fleet.errors.length === 1);
  assert.equal(fleet.errors[0].code, 'bad-replay');
});

test('a fleet on the gateway\'s limits: errors name the device, and cost the others nothing', { timeout: 120_000 }, async () => {
  const gateway = await new Gateway(servers, [...OPEN, '--max-fleet-devices', '20', '--command-burst', '10']).start();
  const devices = Array.from({ length: 21 }, newDevice);
  const fleet = connect(gateway.port);
  const { samples } = collect(fleet, devices.slice(0, 20), { maxRate: 100 });
  await eventually('the twenty are there', () => fleet.states.at(-1)?.state === 'live');
  await servers.report(devices.map((device) => ({ device, cpu: 0.01 })));
  await eventually('all has come', allHave(samples, 1));
  fleet.onPurpose = ({ deviceUuids }) => deviceUuids?.includes('kitchen');
  fleet.client.subscribe({ channels: ['metrics'], devices: [devices[20], 'kitchen'] }, () => {});
  await eventually('two are refused', () => fleet.errors.length === 2);
  assert.deepEqual(fleet.errors.map(({ code, fatal }) => [code, fatal]).sort(), [['invalid-device', false], ['too-many-devices', false]]);
  assert.equal(fleet.errors.find(({ code }) => code === 'too-many-devices').deviceUuid, devices[20]);
  // More commands than the gateway takes at once: they wait, or are said again.
  for (let i = 0; i < 60; i++) {
    fleet.client.subscribe({ channels: ['metrics'], devices: devices[i % 20], maxRate: i % 5 === 0 ? undefined : 50 }).close();
    await sleep(2);
  }
  await servers.report(devices.map((device) => ({ device, cpu: 0.02 })));
  await eventually('it still comes', allHave(samples, 2));
  assertComplete(samples, 2);
});
