// One live chart: uPlot, the bands of what is missing, and a line of text that says the same.
import uPlot from 'uplot';
import { h, setText } from './dom.js';
import { Series } from './series.js';
import { colour, onTheme } from './theme.js';
import { clock } from './format.js';

export interface ChartOptions {
  name: string; // for data-testid
  title: string;
  lines: { label: string; colour: string; fill?: boolean }[];
  format: (value: number) => string;
  /** Where the axis ends at least; `fixed`: and at most. */
  top?: number;
  fixed?: boolean;
  /** Steps of the axis are powers of two, as those of bytes should be. */
  binary?: boolean;
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
}

const HEIGHT = 190;
const POWERS = Array.from({ length: 50 }, (_, i) => 2 ** i);

export class Chart {
  readonly element: HTMLElement;
  redraws = 0;
  #plot: uPlot;
  #range: [number, number] = [0, 1];
  #caption: HTMLElement;
  #resize: ResizeObserver;
  #unlisten: () => void;
  #frame = 0;

  constructor(readonly series: Series, private readonly options: ChartOptions) {
    const area = h('div', { class: 'plot', role: 'img', 'aria-label': options.title, 'data-testid': `chart-${options.name}` });
    this.#caption = h('figcaption', { class: 'caption' });
    this.element = h('figure', { class: 'card chart' },
      h('div', { class: 'chart-head' }, h('h3', {}, options.title),
        h('div', { class: 'keys' }, ...options.lines.map(({ label, colour: name }) => h('span', { class: `key key-${name}` }, label)))),
      area, this.#caption);
    this.#plot = new uPlot(this.#settings(), series.columns() as uPlot.AlignedData, area);
    this.#plot.over.addEventListener('dblclick', options.onReset);
    this.#resize = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry!.contentRect.width);
      if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
    });
    this.#resize.observe(area);
    this.#unlisten = onTheme(() => this.#plot.redraw(false, true));
  }

  /** Soon: with the next frame, however often it is asked. `from`, `to`: what is shown, in seconds. */
  show(from: number, to: number): void {
    this.#range = [from, to];
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#plot.batch(() => {
        this.#plot.setData(this.series.columns() as uPlot.AlignedData, false);
        this.#plot.setScale('x', { min: this.#range[0], max: this.#range[1] });
      });
    });
  }

  /** What those who do not see the chart are told. */
  describe(): void {
    const [from, to] = this.#range;
    const parts = this.options.lines.map(({ label }, column) => {
      const range = this.series.range(column, from, to);
      const last = this.series.last(column);
      if (!range || last === undefined) return `${label}: nothing`;
      const { format } = this.options;
      return `${label} ${format(last)}, ${format(range.min)} to ${format(range.max)}`;
    });
    const gaps = this.series.gaps.filter((gap) => gap.to > from && gap.from < to).length;
    setText(this.#caption, parts.join(' · ') + (gaps ? ` · ${gaps === 1 ? 'one gap' : `${gaps} gaps`}` : ''));
  }

  end(): void {
    cancelAnimationFrame(this.#frame);
    this.#resize.disconnect();
    this.#unlisten();
    this.#plot.destroy();
  }

  #settings(): uPlot.Options {
    const { lines, format, top = 0, fixed = false, binary = false } = this.options;
    const axis = { stroke: () => colour('faint'), grid: { stroke: () => colour('grid'), width: 1 }, ticks: { show: false }, font: '11px system-ui' };
    return {
      width: 300,
      height: HEIGHT,
      padding: [8, 16, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: 'pulsegate' }, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
      scales: {
        x: { time: true },
        y: { range: (_plot, _min, max) => [0, fixed ? top : Math.max(top, (max ?? 0) * 1.1)] },
      },
      axes: [
        { ...axis, values: (_plot, ticks) => timeLabels(ticks), space: 70, size: 24 },
        { ...axis, values: (_plot, ticks) => ticks.map(format), size: 62, space: 34, ...(binary ? { incrs: POWERS } : {}) },
      ],
      series: [
        {},
        ...lines.map(({ label, colour: name, fill }) => ({
          label, width: 1.6, points: { show: false }, spanGaps: false,
          stroke: () => colour(name), fill: fill ? () => colour(`${name}-fill`) : undefined,
        })),
      ],
      hooks: {
        drawClear: [(plot) => this.#bands(plot)],
        draw: [() => void this.redraws++],
        setSelect: [(plot) => {
          const { left, width } = plot.select;
          if (width > 8) this.options.onZoom(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
        setCursor: [(plot) => this.#point(plot)],
      },
    };
  }

  /** What stands under the pointer, in the caption. */
  #point(plot: uPlot): void {
    const at = plot.cursor.idx;
    if (at === null || at === undefined) return this.describe();
    const parts = this.options.lines.map(({ label }, column) => {
      const value = plot.data[column + 1]?.[at];
      return value === null || value === undefined ? '' : `${label} ${this.options.format(value)}`;
    });
    setText(this.#caption, [clock(plot.data[0][at]! * 1000), ...parts].filter(Boolean).join(' · '));
  }

  #bands(plot: uPlot): void {
    const { ctx, bbox } = plot;
    for (const { from, to } of this.series.gaps) {
      const left = Math.max(bbox.left, plot.valToPos(from, 'x', true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, 'x', true));
      if (!(right >= left)) continue;
      const width = Math.max(2, right - left);
      ctx.save();
      ctx.fillStyle = colour('gap');
      ctx.fillRect(left, bbox.top, width, bbox.height);
      const ratio = devicePixelRatio;
      if (width > 34 * ratio) {
        ctx.fillStyle = colour('gap-text');
        ctx.font = `${10 * ratio}px system-ui`;
        ctx.textAlign = 'center';
        ctx.fillText('gap', left + width / 2, bbox.top + 12 * ratio);
      }
      ctx.restore();
    }
  }
}

function timeLabels(ticks: number[]): string[] {
  const step = (ticks[1] ?? 0) - (ticks[0] ?? 0);
  return ticks.map((tick) => {
    const date = new Date(tick * 1000);
    const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0'));
    if (step >= 86_400 || (step >= 3600 && hours === '00' && minutes === '00')) return `${date.getDate()}.${date.getMonth() + 1}.`;
    return step < 60 ? `${hours}:${minutes}:${seconds}` : `${hours}:${minutes}`;
  });
}
