// Watching the past again on the live connection: for tokens with the scope `debug`, or where the operator lets everybody.
import type { Events, PulsegateClient } from 'pulsegate-client';
import { h, setText } from './dom.js';
import { clock, localInput } from './format.js';

const SPEEDS = [1, 5, 20, 60, 300];
const MINUTE = 60_000;

export class ReplayPanel {
  readonly element: HTMLDetailsElement;
  /** Whether what the charts show is the past. */
  active = false;
  #from = h('input', { type: 'datetime-local', step: '1', required: true, value: localInput(Date.now() - 15 * MINUTE) });
  #to = h('input', { type: 'datetime-local', step: '1', required: true, value: localInput(Date.now()) });
  #speed = h('select', {}, ...SPEEDS.map((speed) => h('option', { value: speed, selected: speed === 20 }, `× ${speed}`)));
  #live = h('select', {}, h('option', { value: 'hold' }, 'wait for the end'), h('option', { value: 'mix' }, 'come in between'));
  #start = h('button', { class: 'primary' }, 'Replay');
  #stop = h('button', { type: 'button', hidden: true, onclick: () => this.client.stopReplay(this.device) }, 'Stop');
  #back = h('button', { type: 'button', hidden: true, onclick: () => this.#leave() }, 'Back to live');
  #says = h('p', { class: 'faint', role: 'status', 'data-testid': 'replay-says' });

  /** `begin`: the past begins to come, from and to in ms; `leave`: live is wanted again. */
  constructor(private readonly client: PulsegateClient, private readonly device: string,
              private readonly on: { begin: (from: number, to: number) => void; leave: () => void }) {
    const form = h('form', { class: 'row', onsubmit: (event: Event) => this.#ask(event) },
      h('label', {}, 'From', this.#from), h('label', {}, 'To', this.#to), h('label', {}, 'Speed', this.#speed),
      h('label', {}, 'Live reports', this.#live), this.#start, this.#stop, this.#back);
    this.element = h('details', { class: 'card panel', 'data-testid': 'replay' }, h('summary', {}, 'Replay'),
      h('p', { class: 'faint' }, 'Shows the past of this device again, as it was, to you alone. Times are those of your clock.'), form, this.#says);
  }

  /** False: it is no answer to a replay. */
  take(message: Events['replay']): boolean {
    if (message.type === 'replay-begin') {
      this.#running(true);
      this.on.begin(Date.parse(message.data.from), Date.parse(message.data.to));
      setText(this.#says, `${clock(Date.parse(message.data.from))} to ${clock(Date.parse(message.data.to))}, × ${message.data.speed}`);
      return true;
    }
    if (message.type !== 'replay-end') return false;
    this.#running(false);
    const why = { done: 'All of it was shown', stopped: 'Stopped', unavailable: 'What stores the past is away', forbidden: 'The token does not allow it any more' };
    setText(this.#says, `${why[message.data.reason]}: ${message.data.events} reports.`);
    return true;
  }

  /** What the gateway says of a command of ours. */
  refused(text: string): void {
    if (!this.active) setText(this.#says, text);
  }

  /** The connection has ended, and the replay with it. */
  lost(): void {
    if (this.active && this.#back.hidden) setText(this.#says, 'The connection was lost, and the replay with it.');
    if (this.active) this.#running(false);
  }

  #ask(event: Event): void {
    event.preventDefault();
    const [from, to] = [new Date(this.#from.value), new Date(this.#to.value)];
    if (!(to > from)) return setText(this.#says, 'The end is not after the beginning.');
    setText(this.#says, 'Asking …');
    if (!this.client.replay({ device: this.device, from, to, speed: Number(this.#speed.value), live: this.#live.value as 'hold' | 'mix' }))
      setText(this.#says, 'There is no connection just now.');
  }

  #running(running: boolean): void {
    this.active = true;
    this.#start.disabled = running;
    this.#stop.hidden = !running;
    this.#back.hidden = running;
  }

  #leave(): void {
    this.active = false;
    this.#back.hidden = true;
    setText(this.#says, '');
    this.on.leave();
  }
}
