// What the wall knows of a device: the latest of each value, and as many points as the line in its tile has. Pure.
import type { HistoryData } from 'pulsegate-client';

const POINTS = 60;

export class WallDevice {
  name: string;
  state: 'live' | 'stale' | 'unknown' | 'reconnecting' = 'unknown';
  cpu: number | null = null;
  /** 0 to 100. */
  memory: number | null = null;
  /** ms; 0: nothing yet. */
  last = 0;
  #line = new Float32Array(POINTS);
  #length = 0;
  #next = 0;

  constructor(readonly device: string, name?: string) {
    this.name = name ?? device.slice(0, 8);
  }

  get length(): number {
    return this.#length;
  }

  /** Of the points, the oldest first. */
  at(index: number): number {
    return this.#line[(this.#next - this.#length + index + POINTS) % POINTS]!;
  }

  history({ cpu, memory }: HistoryData, replace: boolean): void {
    if (replace) this.#length = this.#next = 0;
    for (const { value, timestamp } of cpu) {
      this.#line[this.#next] = value;
      this.#next = (this.#next + 1) % POINTS;
      this.#length = Math.min(POINTS, this.#length + 1);
      this.cpu = value;
      this.last = Math.max(this.last, Date.parse(timestamp));
    }
    const point = memory.at(-1);
    if (point && point.used + point.available > 0) this.memory = (100 * point.used) / (point.used + point.available);
  }

  /** For those who do not see the tile. */
  get words(): string {
    const cpu = this.cpu === null ? 'CPU unknown' : `CPU ${Math.round(this.cpu)} %`;
    const memory = this.memory === null ? '' : `, memory ${Math.round(this.memory)} %`;
    return `${this.name}, ${this.state}, ${cpu}${memory}`;
  }
}
