// The latest values, as large numbers with a bar below where there is a whole to be a part of.
import type { Metrics } from 'pulsegate-client';
import { h, setText } from './dom.js';
import { bytes, numberOf, percent } from './format.js';

class Tile {
  readonly element: HTMLElement;
  #value = h('strong');
  #note = h('span', { class: 'faint' });
  #bar = h('i');

  constructor(name: string, title: string, withBar: boolean) {
    this.#value.dataset.testid = `value-${name}`;
    this.element = h('div', { class: 'card tile' }, h('span', { class: 'label' }, title), this.#value, this.#note,
      withBar && h('div', { class: 'meter', 'aria-hidden': 'true' }, this.#bar));
  }

  show(value: string, note = '', share: number | null = null): void {
    setText(this.#value, value);
    setText(this.#note, note);
    const width = share === null ? 0 : Math.min(100, Math.max(0, share));
    this.#bar.style.width = `${width.toFixed(1)}%`;
    this.#bar.dataset.level = width >= 90 ? 'high' : width >= 75 ? 'raised' : 'fine';
  }
}

export class Tiles {
  readonly element: HTMLElement;
  #cpu = new Tile('cpu', 'CPU', true);
  #memory = new Tile('memory', 'Memory', true);
  #storage = new Tile('storage', 'Storage', true);
  #network = new Tile('network', 'Network, last report', false);

  constructor() {
    this.element = h('section', { class: 'tiles', 'aria-label': 'Latest values' }, this.#cpu.element, this.#memory.element, this.#storage.element, this.#network.element);
    this.show({});
  }

  show(data: Metrics): void {
    const cpu = numberOf(data.cpu_usage);
    const temperature = numberOf(data.cpu_temp);
    this.#cpu.show(percent(cpu), temperature === null ? '' : `${temperature.toFixed(0)} °C`, cpu);
    this.#part(this.#memory, numberOf(data.memory_usage), numberOf(data.memory_total));
    this.#part(this.#storage, numberOf(data.storage_usage), numberOf(data.storage_total));
    const [received, sent] = [numberOf(data.network_rx), numberOf(data.network_tx)];
    this.#network.show(`↓ ${bytes(received)}`, `↑ ${bytes(sent)}`);
  }

  #part(tile: Tile, used: number | null, total: number | null): void {
    const share = used !== null && total ? (100 * used) / total : null;
    tile.show(bytes(used), total ? `of ${bytes(total)}${share === null ? '' : `, ${share.toFixed(0)} %`}` : '', share);
  }
}
