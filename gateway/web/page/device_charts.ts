// The three charts of a device, which share their time, and the choice of how much of it is shown.
import type { HistoryData, HistoryResultMessage, MetricsMessage } from 'pulsegate-client';
import { Chart } from './chart.js';
import { h, type Scope } from './dom.js';
import { bytes, clock, numberOf } from './format.js';
import { Series } from './series.js';

export const WINDOWS = [['5m', 300], ['15m', 900], ['1h', 3600], ['6h', 21_600], ['24h', 86_400], ['7d', 604_800]] as const;
export type Window = (typeof WINDOWS)[number][0];
const MIB = 1024 * 1024;
const PRECISE = 128; // samples whose exact values are remembered until their points come

const seconds = (timestamp: string): number => Date.parse(timestamp) / 1000;

export interface ChartHost {
  /** The window has changed: history is wanted anew. */
  onWindow(window: Window): void;
  /** More detail of a part, where there is any. Seconds. */
  detail(from: number, to: number): Promise<HistoryResultMessage | undefined>;
}

export class DeviceCharts {
  readonly element: HTMLElement;
  readonly cpu = new Series(1);
  readonly memory = new Series(2);
  readonly network = new Series(2);
  #charts: Chart[];
  #window: Window = '15m';
  #zoom?: { from: number; to: number };
  #past?: { from: number; to: number };
  #exact = new Map<string, number>();
  #buttons: HTMLButtonElement[];
  #reset: HTMLButtonElement;
  #says = h('span', { class: 'faint' });

  constructor(scope: Scope, private readonly host: ChartHost) {
    const zoom = { onZoom: (from: number, to: number) => void this.#look(from, to), onReset: () => this.reset() };
    this.#charts = [
      new Chart(this.cpu, { name: 'cpu', title: 'CPU', lines: [{ label: 'used', colour: 'line-1', fill: true }], format: (v) => `${Math.round(v * 10) / 10} %`, top: 100, fixed: true, ...zoom }),
      new Chart(this.memory, { name: 'memory', title: 'Memory', lines: [{ label: 'used', colour: 'line-2', fill: true }, { label: 'available', colour: 'line-3' }], format: (v) => bytes(v * MIB), top: 1, binary: true, ...zoom }),
      new Chart(this.network, { name: 'network', title: 'Network, per report', lines: [{ label: 'received', colour: 'line-4', fill: true }, { label: 'sent', colour: 'line-5' }], format: bytes, top: 1024, binary: true, ...zoom }),
    ];
    this.#buttons = WINDOWS.map(([name]) => h('button', { type: 'button', 'aria-pressed': String(name === this.#window), onclick: () => this.#choose(name) }, name));
    this.#reset = h('button', { type: 'button', hidden: true, onclick: () => this.reset() }, 'Whole window');
    this.element = h('section', { 'aria-label': 'Charts' },
      h('div', { class: 'row between' }, h('div', { class: 'segments', role: 'group', 'aria-label': 'Time that is shown' }, ...this.#buttons),
        h('div', { class: 'row' }, this.#says, this.#reset)),
      h('div', { class: 'charts' }, ...this.#charts.map(({ element }) => element)));
    scope.every(1000, () => this.draw());
    scope.every(5000, () => this.#describe());
    scope.add(() => this.#charts.forEach((chart) => chart.end()));
  }

  get window(): Window {
    return this.#window;
  }

  get redraws(): number {
    return this.#charts.reduce((sum, chart) => sum + chart.redraws, 0);
  }

  /** `points` are rounded; the sample itself is not. */
  sample(message: MetricsMessage): void {
    const value = numberOf(message.data.cpu_usage);
    if (value === null) return;
    this.#exact.set(message.timestamp, value);
    if (this.#exact.size > PRECISE) this.#exact.delete(this.#exact.keys().next().value!);
  }

  points(data: HistoryData, replace: boolean): void {
    if (replace) this.#clear();
    for (const { timestamp, value } of data.cpu) this.cpu.add(seconds(timestamp), this.#exact.get(timestamp) ?? value);
    for (const { timestamp, used, available } of data.memory) this.memory.add(seconds(timestamp), used, available);
    for (const { timestamp, download, upload } of data.network) this.network.add(seconds(timestamp), download, upload);
    this.draw();
    if (replace) this.#describe();
  }

  gap(from: string, to: string): void {
    for (const series of [this.cpu, this.memory, this.network]) series.gap(seconds(from), seconds(to));
    this.draw();
  }

  /** From here on points are those of the past. ms */
  replay(from: number, to: number): void {
    this.#past = { from: from / 1000, to: to / 1000 };
    this.#zoom = undefined;
    this.#clear();
    this.#describe();
    this.draw();
  }

  live(): void {
    this.#past = undefined;
    this.reset();
  }

  reset(): void {
    this.#zoom = undefined;
    this.#reset.hidden = true;
    this.#says.textContent = '';
    this.host.onWindow(this.#window);
    this.draw();
  }

  draw(): void {
    const now = Date.now() / 1000;
    const { from, to } = this.#zoom ?? this.#past ?? { from: now - WINDOWS.find(([name]) => name === this.#window)![1], to: now };
    for (const chart of this.#charts) chart.show(from, to);
  }

  #choose(window: Window): void {
    this.#window = window;
    this.#buttons.forEach((button, i) => button.setAttribute('aria-pressed', String(WINDOWS[i]![0] === window)));
    this.reset();
  }

  async #look(from: number, to: number): Promise<void> {
    // The charts have one cursor: each of them tells.
    if (this.#zoom && Math.abs(this.#zoom.from - from) < 1e-3 && Math.abs(this.#zoom.to - to) < 1e-3) return;
    this.#zoom = { from, to };
    this.#reset.hidden = false;
    this.#says.textContent = `${clock(from * 1000)} to ${clock(to * 1000)}`;
    this.draw();
    if (this.#past) return; // what was replayed is all there is to see
    const found = await this.host.detail(from, to);
    if (!found || this.#zoom?.from !== from) return;
    this.points(found.data, false);
    this.#describe();
  }

  #clear(): void {
    for (const series of [this.cpu, this.memory, this.network]) series.clear();
  }

  #describe(): void {
    for (const chart of this.#charts) chart.describe();
  }
}
