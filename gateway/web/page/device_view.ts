// Everything about one device, on one connection.
import type { DeviceStatus, MetricsMessage, StateEvent, Subscription } from 'pulsegate-client';
import { StateBadge, standing } from './connection_state.js';
import { DeviceCharts, WINDOWS, type Window } from './device_charts.js';
import { announce, h, setText, type Scope } from './dom.js';
import { clock } from './format.js';
import { Inspector, Journal } from './inspector.js';
import { ReplayPanel } from './replay.js';
import type { Session } from './session.js';
import { Facts, interfaceTable, processTable, rowsOf } from './tables.js';
import { Tiles } from './tiles.js';

const POINTS = 600; // of a window

/** `onName`: the device has said what it is called. */
export function deviceView(device: string, session: Session, scope: Scope, onName: (name: string) => void): { element: HTMLElement; debug: object } {
  const client = session.client({ device });
  scope.add(() => client.close());

  const title = h('h1', { 'data-testid': 'title' }, device);
  const id = h('p', { class: 'faint id', hidden: true }, device); // until there is a name above it
  const badge = new StateBadge();
  const tiles = new Tiles();
  const facts = new Facts();
  const processes = processTable();
  const interfaces = interfaceTable();
  const inspector = new Inspector(scope);
  const journal = new Journal();

  let connection: StateEvent = { state: client.state };
  let status: DeviceStatus | undefined;
  let last: number | undefined; // ms, of the newest live sample
  let word = '';
  let samples = 0;

  const showState = (): void => {
    const now = standing(connection, status, last, replay.active, Date.now());
    badge.show(now);
    element.dataset.look = now.look;
    if (now.word !== word) {
      if (word) announce(`${title.textContent}: ${now.word}. ${now.sentence}`);
      journal.add('state', `${now.word}. ${now.sentence}`);
      word = now.word;
    }
  };

  let history: Subscription | undefined;
  const wanted = (window: Window): void => {
    history?.close();
    history = client.subscribe({ channels: ['history'], history: { window, points: POINTS, mode: 'append', downsample: 'minmax' } }, {
      history: ({ data, mode }) => { if (!replay.active) charts.points(data, mode === 'replace'); },
      gap: ({ data }) => missing(data.from, data.to, data.reason),
    });
  };
  const missing = (from: string, to: string, reason: string): void => {
    charts.gap(from, to);
    journal.add('gap', `Nothing is known from ${clock(Date.parse(from))} to ${clock(Date.parse(to))} (${reason}).`);
  };
  const charts = new DeviceCharts(scope, {
    onWindow: wanted,
    detail: (from, to) => client.history({ from: Math.floor(from * 1000), to: Math.ceil(to * 1000), points: 1000, downsample: 'minmax' }).catch((error) => {
      journal.add('error', String(error.message));
      return undefined;
    }),
  });
  const replay = new ReplayPanel(client, device, {
    begin: (from, to) => { charts.replay(from, to); showState(); },
    leave: () => { charts.live(); showState(); },
  });

  const element = h('div', { class: 'device', 'data-testid': 'device' },
    h('div', { class: 'title' }, h('div', {}, title, id), h('div', { class: 'standing' }, badge.badge, badge.sentence)),
    facts.list, tiles.element, charts.element,
    h('div', { class: 'tables' }, processes.element, interfaces.element),
    replay.element, inspector.element, journal.element);

  const show = (message: MetricsMessage): void => {
    tiles.show(message.data);
    charts.sample(message);
  };
  client.subscribe({ channels: ['metrics', 'processes', 'system-info', 'network-interfaces'] }, {
    metrics: (message) => {
      samples++;
      last = Math.max(last ?? 0, Date.parse(message.timestamp));
      if (replay.active) return;
      show(message);
      showState();
    },
    processes: ({ data }) => processes.show(rowsOf(data.top_processes)),
    'network-interfaces': ({ data }) => interfaces.show(rowsOf(data.interfaces)),
    'system-info': ({ data }) => {
      facts.show(data as Record<string, unknown>);
      if (!data.hostname) return;
      setText(title, data.hostname);
      id.hidden = false;
      onName(data.hostname);
    },
    gap: ({ data }) => missing(data.from, data.to, data.reason),
    status: (now) => { status = now; showState(); },
  });
  client.on('state', (now) => {
    connection = now;
    if (now.state !== 'live') replay.lost();
    showState();
  });
  client.on('replay', (message) => {
    if (replay.take(message)) return showState();
    if (message.type === 'metrics') show(message);
    else if (message.type === 'history') charts.points(message.data, message.mode === 'replace');
  });
  client.on('error', (error) => {
    journal.add('error', `${error.code}: ${error.message}`);
    replay.refused(error.message);
  });
  client.on('message', (message) => inspector.add(message));
  client.on('command', (command) => inspector.add(command, true));

  wanted(charts.window);
  scope.every(1000, showState);
  showState();
  return {
    element,
    debug: {
      client, windows: WINDOWS.map(([name]) => name),
      get redraws() { return charts.redraws; },
      get samples() { return samples; },
      /** Seconds, of the CPU chart's points, and its gaps. */
      get points() { return [...charts.cpu.times]; },
      get gaps() { return charts.cpu.gaps.map((gap) => ({ ...gap })); },
    },
  };
}
