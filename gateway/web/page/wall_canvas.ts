// Draws the tiles: one canvas as high as the window, which stands still while the page scrolls below it. What has changed is drawn
// with the next frame, but never more than 40 times a second.
import type { Scope } from './dom.js';
import { colour, onTheme } from './theme.js';
import { layout, place, visible, type Layout } from './wall_layout.js';
import type { WallDevice } from './wall_model.js';

const SHORTEST = 25; // ms between two redraws
const COLOURS = ['card', 'edge', 'text', 'faint', 'line-1', 'line-1-fill', 'line-2', 'track', 'live', 'stale', 'lost', 'waiting', 'raised', 'high'] as const;

export class WallCanvas {
  redraws = 0;
  plan: Layout = layout(0, 0);
  #context: CanvasRenderingContext2D;
  #colours = {} as Record<(typeof COLOURS)[number], string>;
  #dirty = new Set<number>();
  #all = true;
  #top = 0;
  #frame = 0;
  #last = -Infinity;

  constructor(readonly canvas: HTMLCanvasElement, private readonly frame: HTMLElement, private readonly devices: WallDevice[], scope: Scope,
              private readonly onLayout: (plan: Layout) => void) {
    this.#context = canvas.getContext('2d')!;
    const resize = new ResizeObserver(() => this.#resize());
    resize.observe(frame);
    scope.listen(window, 'resize', () => this.#resize());
    scope.listen(window, 'scroll', () => this.redrawAll());
    scope.add(onTheme(() => (this.#readColours(), this.redrawAll())));
    scope.add(() => (resize.disconnect(), cancelAnimationFrame(this.#frame)));
    this.#readColours();
  }

  changed(index: number): void {
    this.#dirty.add(index);
    this.#soon();
  }

  redrawAll(): void {
    this.#all = true;
    this.#soon();
  }

  #readColours(): void {
    for (const name of COLOURS) this.#colours[name] = colour(name);
  }

  #resize(): void {
    const width = this.frame.clientWidth;
    if (width === 0) return;
    this.plan = layout(this.devices.length, width);
    this.onLayout(this.plan);
    const height = Math.min(this.plan.height, innerHeight);
    const ratio = devicePixelRatio;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.redrawAll();
  }

  #soon(): void {
    this.#frame ||= requestAnimationFrame((now) => this.#tick(now));
  }

  #tick(now: number): void {
    this.#frame = 0;
    if (now - this.#last < SHORTEST) return this.#soon();
    this.#last = now;
    this.redraws++;
    this.#draw();
  }

  #draw(): void {
    const { canvas, frame, plan } = this;
    // Where the canvas stands in the frame: it sticks to the top of the window.
    const top = Math.max(0, canvas.getBoundingClientRect().top - frame.getBoundingClientRect().top);
    if (top !== this.#top) this.#all = true;
    this.#top = top;
    const ratio = devicePixelRatio;
    const height = canvas.height / ratio;
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (this.#all) this.#context.clearRect(0, 0, canvas.width / ratio, height);
    const [first, end] = visible(top, top + height, this.devices.length, plan);
    for (let i = first; i < end; i++) if (this.#all || this.#dirty.has(i)) this.#tile(i);
    this.#dirty.clear();
    this.#all = false;
  }

  #tile(index: number): void {
    const context = this.#context;
    const device = this.devices[index]!;
    const { tileWidth: width, tileHeight: height } = this.plan;
    const { left, top } = place(index, this.plan);
    const c = this.#colours;
    const lost = device.state === 'reconnecting' || device.state === 'stale';
    context.save();
    context.translate(left, top - this.#top);
    context.clearRect(-1, -1, width + 2, height + 2);
    context.beginPath();
    context.roundRect(0.5, 0.5, width - 1, height - 1, 10);
    context.fillStyle = c.card;
    context.fill();
    context.strokeStyle = c.edge;
    context.lineWidth = 1;
    context.stroke();
    context.clip();
    context.globalAlpha = lost ? 0.45 : 1;
    this.#line(device, width, height);
    context.globalAlpha = 1;
    context.fillStyle = { live: c.live, stale: c.stale, unknown: c.waiting, reconnecting: c.lost }[device.state];
    context.beginPath();
    context.arc(14, 17, 4, 0, 7);
    context.fill();
    context.textBaseline = 'alphabetic';
    context.font = '500 12px system-ui, sans-serif';
    context.fillStyle = c.text;
    context.fillText(device.name, 24, 21, width - 34);
    context.globalAlpha = lost ? 0.6 : 1;
    context.font = '600 22px system-ui, sans-serif';
    context.fillText(device.cpu === null ? '–' : `${Math.round(device.cpu)} %`, 12, 50);
    if (lost) {
      context.font = '11px system-ui, sans-serif';
      context.textAlign = 'right';
      context.fillText(device.state, width - 12, 50);
    }
    context.restore();
  }

  #line(device: WallDevice, width: number, height: number): void {
    const context = this.#context;
    const c = this.#colours;
    const [bottom, tall] = [height - 16, 26];
    const count = device.length;
    if (count > 1) {
      const x = (i: number): number => (i * width) / (count - 1);
      const y = (i: number): number => bottom - (Math.min(100, Math.max(0, device.at(i))) / 100) * tall;
      context.beginPath();
      context.moveTo(0, y(0));
      for (let i = 1; i < count; i++) context.lineTo(x(i), y(i));
      context.strokeStyle = c['line-1'];
      context.lineWidth = 1.5;
      context.stroke();
      context.lineTo(width, bottom + 2);
      context.lineTo(0, bottom + 2);
      context.fillStyle = c['line-1-fill'];
      context.fill();
    }
    const memory = Math.min(100, device.memory ?? 0);
    context.fillStyle = c.track;
    context.fillRect(12, height - 10, width - 24, 3);
    context.fillStyle = memory >= 90 ? c.high : memory >= 75 ? c.raised : c['line-2'];
    context.fillRect(12, height - 10, ((width - 24) * memory) / 100, 3);
  }
}
