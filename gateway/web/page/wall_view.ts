// All devices at once, on one connection and one canvas. Each tile has a button above it, for hands, keys and screen readers.
import { announce, h, setText, type Scope } from './dom.js';
import type { Session } from './session.js';
import { standing, StateBadge } from './connection_state.js';
import { WallCanvas } from './wall_canvas.js';
import { place, step } from './wall_layout.js';
import { WallDevice } from './wall_model.js';

const RATE = 2; // messages a second of each device and channel, at most
const WORDS_EVERY = 5000; // ms between two readings of the labels

export interface WallHost {
  nameOf(device: string): string | undefined;
  onName(device: string, name: string): void;
  open(device: string): void;
}

export function wallView(list: readonly string[], session: Session, scope: Scope, host: WallHost): { element: HTMLElement; debug: object } {
  const client = session.client({});
  scope.add(() => client.close());
  const devices = list.map((device) => new WallDevice(device, host.nameOf(device)));
  const badge = new StateBadge();
  const counts = h('p', { class: 'faint', 'data-testid': 'wall-counts' });
  const canvas = h('canvas', { 'aria-hidden': 'true', 'data-testid': 'wall-canvas' });
  const buttons = devices.map((device, i) => h('button', {
    type: 'button', class: 'tile-button', 'data-testid': 'wall-tile', tabindex: i === 0 ? '0' : '-1', 'aria-label': device.words,
    onclick: () => host.open(device.device),
  }));
  const grid = h('div', { class: 'wall-buttons', role: 'group', 'aria-label': 'Devices. Arrow keys move, Enter opens.' }, ...buttons);
  const frame = h('div', { class: 'wall' }, canvas, grid);
  const element = h('div', { 'data-testid': 'wall' },
    h('div', { class: 'title' }, h('div', {}, h('h1', {}, devices.length === 1 ? 'One device' : `${devices.length} devices`), counts),
      h('div', { class: 'standing' }, badge.badge, badge.sentence)), frame);

  const wall = new WallCanvas(canvas, frame, devices, scope, (plan) => {
    frame.style.height = `${plan.height}px`;
    buttons.forEach((button, i) => {
      const { left, top } = place(i, plan);
      Object.assign(button.style, { left: `${left}px`, top: `${top}px`, width: `${plan.tileWidth}px`, height: `${plan.tileHeight}px` });
    });
  });

  let samples = 0;
  devices.forEach((device, i) => {
    client.subscribe({ channels: ['history', 'system-info'], devices: device.device, maxRate: RATE, history: { points: 60, mode: 'append' } }, {
      history: ({ data, mode }) => {
        samples++;
        device.history(data, mode === 'replace');
        wall.changed(i);
      },
      'system-info': ({ data }) => {
        if (!data.hostname || data.hostname === device.name) return;
        device.name = data.hostname;
        host.onName(device.device, data.hostname);
        wall.changed(i);
      },
      status: ({ state }) => {
        device.state = state;
        wall.changed(i);
      },
    });
  });

  let word = '';
  const showState = (): void => {
    const state = client.state;
    const now = standing({ state }, undefined, undefined, false, Date.now());
    badge.show(state === 'live' ? { ...now, sentence: '' } : now);
    const count = (wanted: WallDevice['state']): number => devices.filter((device) => device.state === wanted).length;
    const parts = [[count('live'), 'live'], [count('stale'), 'stale'], [count('unknown'), 'without reports'], [count('reconnecting'), 'reconnecting']] as const;
    setText(counts, [...parts.filter(([number]) => number > 0).map(([number, name]) => `${number} ${name}`), 'line: CPU, bar: memory'].join(' · '));
    if (word && now.word !== word) announce(now.word);
    word = now.word;
  };
  client.on('state', showState);
  scope.every(1000, showState);
  scope.every(WORDS_EVERY, () => devices.forEach((device, i) => {
    if (buttons[i]!.getAttribute('aria-label') !== device.words) buttons[i]!.setAttribute('aria-label', device.words);
  }));

  // One stop for the tabulator, arrows inside.
  grid.addEventListener('keydown', (event) => {
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to = step(at, event.key, buttons.length, wall.plan.columns);
    if (at < 0 || to === at) return;
    event.preventDefault();
    buttons[at]!.tabIndex = -1;
    buttons[to]!.tabIndex = 0;
    buttons[to]!.focus();
  });
  showState();
  return { element, debug: { client, get redraws() { return wall.redraws; }, get samples() { return samples; }, devices } };
}
