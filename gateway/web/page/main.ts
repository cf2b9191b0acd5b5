// The page: which view is shown, and the bar above it. The address says what is looked at, so links and the back button work.
import { addressOf, Devices, parseAddress, parseDevice } from './devices.js';
import { deviceView } from './device_view.js';
import { byId, h, replace, Scope, setText } from './dom.js';
import { Names } from './names.js';
import { Session } from './session.js';
import { themeButton } from './theme.js';
import { wallView } from './wall_view.js';

const address = parseAddress(location.search);
const devices = new Devices(address.devices, localStorage);
const names = new Names(localStorage);
const session = new Session(() => show());
let scope = new Scope();
let device = address.device ?? (devices.list.length === 1 ? devices.list[0] : undefined);

/** For tests, and for the console: what the view lets see of itself. `renewToken`: see session.ts. */
const debug = { session, view: {} as object };
(window as unknown as { pulsegate: object }).pulsegate = debug;

const nameOf = (one: string): string => names.get(one) ?? one;
const picker = h('select', { 'aria-label': 'Device', 'data-testid': 'picker', onchange: () => go(picker.value || undefined) });
const add = h('button', { type: 'button', onclick: () => askDevice(), 'data-testid': 'add' }, 'Add device');
const forget = h('button', { type: 'button', class: 'quiet', title: 'Forget this device', 'aria-label': 'Forget this device', onclick: () => leave() }, '✕');
replace(byId('nav'), picker, forget, add);
replace(byId('tools'), themeButton());

function go(to: string | undefined, push = true): void {
  device = to;
  if (push) history.pushState({ device: to ?? null }, '', addressOf(devices.list, to));
  show();
  byId('main').focus({ preventScroll: true });
  scrollTo(0, 0);
}

function leave(): void {
  if (!device) return;
  devices.remove(device);
  go(undefined);
}

function drawPicker(): void {
  const option = (value: string, text: string): HTMLOptionElement => h('option', { value, selected: value === (device ?? '') }, text);
  replace(picker, option('', devices.list.length ? `All devices (${devices.list.length})` : 'No devices'), ...devices.list.map((one) => option(one, nameOf(one))));
  forget.hidden = !device;
}

function learn(one: string, name: string): void {
  if (!names.set(one, name)) return;
  const option = [...picker.options].find(({ value }) => value === one);
  if (option) setText(option, name);
}

function show(): void {
  scope.end();
  scope = new Scope();
  drawPicker();
  document.title = `${device ? nameOf(device) : 'Devices'} · Pulsegate`;
  if (devices.list.length === 0) {
    debug.view = {};
    replace(byId('main'), welcome());
    return;
  }
  const view = device
    ? deviceView(device, session, scope, ((one) => (name: string) => { learn(one, name); document.title = `${name} · Pulsegate`; })(device))
    : wallView(devices.list, session, scope, { nameOf: (one) => names.get(one), onName: learn, open: (one) => go(one) });
  debug.view = view.debug;
  const refused = address.refused.length
    ? h('p', { class: 'card notice', role: 'alert' }, `Not taken from the address, since no UUIDs, or too many: ${address.refused.slice(0, 5).join(', ')}.`) : null;
  replace(byId('main'), refused, view.element);
}

/** The form that takes a device; `done` is called once there is one. */
function deviceForm(done: () => void): HTMLFormElement {
  const field = h('input', { name: 'device', required: true, autocomplete: 'off', spellcheck: 'false', placeholder: 'beb88ee7-0c1e-5a03-8964-568e2cfe3268', 'data-testid': 'device-field', 'aria-describedby': 'device-fault' });
  const fault = h('p', { class: 'fault', id: 'device-fault', role: 'alert' });
  return h('form', {
    onsubmit: (event: Event) => {
      event.preventDefault();
      const parsed = parseDevice(field.value);
      if (!parsed) return setText(fault, 'That is no UUID: it has 36 characters, as the example has.');
      if (devices.full && !devices.list.includes(parsed)) return setText(fault, 'There are 256 devices already, which is what one page can show.');
      devices.add(parsed);
      done();
      go(parsed);
    },
  }, h('label', {}, 'UUID of the device', field), fault, h('div', { class: 'actions' }, h('button', { class: 'primary' }, 'Watch it')));
}

function askDevice(): void {
  const dialog = h('dialog', { class: 'card dialog', 'aria-labelledby': 'add-title' }, h('h2', { id: 'add-title' }, 'Add a device'), deviceForm(() => dialog.close()));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function welcome(): HTMLElement {
  return h('section', { class: 'card welcome', 'data-testid': 'welcome' }, h('h1', {}, 'Which device?'),
    h('p', {}, 'The gateway shows a device to whoever knows its UUID, and has the right to see it. Several can be given in the address: ', h('code', {}, '?devices=UUID,UUID')),
    deviceForm(() => undefined));
}

addEventListener('popstate', () => {
  const now = parseAddress(location.search);
  for (const one of now.devices) devices.add(one);
  go(now.device, false);
});
show();
