// The raw messages, both ways, and what has happened to the connection: bounded, and drawn only while it is open.
import { h, replace, setText, type Scope } from './dom.js';
import { clock } from './format.js';
import { Ring } from './series.js';

interface Entry {
  at: number;
  sent: boolean;
  type: string;
  text: string;
}

const MOST_MESSAGES = 200;
const MOST_EVENTS = 100;
const LONGEST = 64 * 1024; // of a message that is kept, in characters

export class Inspector {
  readonly element: HTMLDetailsElement;
  #ring = new Ring<Entry>(MOST_MESSAGES);
  #list = h('ol', { class: 'messages', 'data-testid': 'messages' });
  #filter: HTMLInputElement;
  #pause: HTMLButtonElement;
  #count = h('span', { class: 'faint' });
  #paused = false;
  #drawn = -1;
  #open = new Set<Entry>();

  constructor(scope: Scope) {
    this.#filter = h('input', { type: 'search', placeholder: 'type or text', 'aria-label': 'Filter messages', oninput: () => this.#draw(true) });
    this.#pause = h('button', { type: 'button', 'aria-pressed': 'false', onclick: () => this.#hold(!this.#paused) }, 'Pause');
    this.element = h('details', { class: 'card panel', 'data-testid': 'inspector' },
      h('summary', {}, 'Messages ', this.#count),
      h('div', { class: 'row' }, this.#filter, this.#pause,
        h('button', { type: 'button', onclick: () => this.#copy() }, 'Copy as JSON lines'),
        h('button', { type: 'button', onclick: () => (this.#ring.clear(), this.#open.clear(), this.#draw(true)) }, 'Clear')),
      this.#list);
    this.element.addEventListener('toggle', () => this.#draw(true));
    scope.every(250, () => this.#draw());
  }

  add(message: { type?: unknown }, sent = false): void {
    if (this.#paused) return;
    const text = JSON.stringify(message);
    this.#ring.push({ at: Date.now(), sent, type: String(message.type ?? ''), text: text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text });
  }

  #hold(paused: boolean): void {
    this.#paused = paused;
    this.#pause.setAttribute('aria-pressed', String(paused));
    setText(this.#pause, paused ? 'Go on' : 'Pause');
  }

  #wanted(): Entry[] {
    const filter = this.#filter.value.trim().toLowerCase();
    return this.#ring.items.filter(({ type, text }) => !filter || type.includes(filter) || text.toLowerCase().includes(filter)).reverse();
  }

  #draw(anew = false): void {
    setText(this.#count, String(this.#ring.count));
    if (!this.element.open || (!anew && this.#drawn === this.#ring.count)) return;
    // Not under the reader's hands.
    if (!anew && this.#list.contains(document.activeElement)) return;
    this.#drawn = this.#ring.count;
    for (const entry of this.#open) if (!this.#ring.items.includes(entry)) this.#open.delete(entry);
    replace(this.#list, ...this.#wanted().map((entry) => this.#line(entry)));
  }

  #line(entry: Entry): HTMLElement {
    const whole = h('pre', { hidden: true });
    const expand = (): void => {
      whole.hidden = !this.#open.has(entry);
      button.setAttribute('aria-expanded', String(!whole.hidden));
      if (!whole.hidden) whole.textContent = pretty(entry.text);
    };
    const button = h('button', {
      type: 'button', class: 'message',
      onclick: () => {
        if (!this.#open.delete(entry)) this.#open.add(entry);
        expand();
      },
    }, h('span', { class: 'faint' }, clock(entry.at)), h('span', { class: entry.sent ? 'way sent' : 'way', title: entry.sent ? 'sent' : 'received' }, entry.sent ? '↑' : '↓'),
      h('b', {}, entry.type), h('span', { class: 'faint cut' }, entry.text.slice(0, 160)));
    expand();
    return h('li', {}, button, whole);
  }

  async #copy(): Promise<void> {
    const lines = this.#wanted().reverse().map(({ text }) => text).join('\n');
    try {
      await navigator.clipboard.writeText(lines);
      setText(this.#count, 'copied');
    } catch {
      setText(this.#count, 'the browser does not allow to copy here');
    }
  }
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** What has happened: connections, gaps, states, refusals. */
export class Journal {
  readonly element: HTMLDetailsElement;
  #ring = new Ring<{ at: number; kind: string; text: string }>(MOST_EVENTS);
  #list = h('ol', { class: 'journal', 'data-testid': 'journal' });
  #count = h('span', { class: 'faint' });

  constructor() {
    this.element = h('details', { class: 'card panel' }, h('summary', {}, 'Journal ', this.#count), this.#list);
    this.element.addEventListener('toggle', () => this.#draw());
  }

  add(kind: 'state' | 'gap' | 'error' | 'replay', text: string): void {
    this.#ring.push({ at: Date.now(), kind, text });
    this.#draw();
  }

  #draw(): void {
    setText(this.#count, String(this.#ring.count));
    if (!this.element.open) return;
    replace(this.#list, ...[...this.#ring.items].reverse().map(({ at, kind, text }) =>
      h('li', {}, h('span', { class: 'faint' }, clock(at)), h('span', { class: `kind kind-${kind}` }, kind), h('span', {}, text))));
  }
}
