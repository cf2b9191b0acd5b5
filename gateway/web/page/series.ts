// The points of one chart: columns, bounded, oldest first. Pure.

/** Times in seconds since 1970, as uPlot has them; null: nothing is drawn there. */
export type Columns = [number[], ...(number | null)[][]];

export interface Span {
  from: number;
  to: number;
}

const MOST_POINTS = 4000;
const MOST_GAPS = 64;
const USUAL_SPACINGS = 32;

export class Series {
  #times: number[] = [];
  #values: number[][];
  #gaps: Span[] = [];

  /** `width`: values of a point. */
  constructor(readonly width: number, private readonly most = MOST_POINTS) {
    this.#values = Array.from({ length: width }, () => []);
  }

  get length(): number {
    return this.#times.length;
  }

  get gaps(): readonly Span[] {
    return this.#gaps;
  }

  get times(): readonly number[] {
    return this.#times;
  }

  clear(): void {
    this.#times = [];
    this.#values = this.#values.map(() => []);
    this.#gaps = [];
  }

  /** A point that is not newer than the newest takes its place in order; one of the same time replaces that. */
  add(time: number, ...values: number[]): void {
    if (!Number.isFinite(time)) return;
    let at = this.#times.length;
    while (at > 0 && this.#times[at - 1]! > time) at--;
    const same = at > 0 && this.#times[at - 1] === time;
    if (same) at--;
    this.#times.splice(at, same ? 1 : 0, time);
    this.#values.forEach((column, i) => column.splice(at, same ? 1 : 0, values[i] ?? 0));
    // In larger steps than one: moving all of an array for each point would be dear.
    if (this.#times.length > this.most * 1.1) this.#drop(this.#times.length - this.most);
  }

  /** What is missing, as the gateway says. */
  gap(from: number, to: number): void {
    if (!(to > from)) return;
    const last = this.#gaps.at(-1);
    if (last && from <= last.to && to >= last.from) {
      last.from = Math.min(last.from, from);
      last.to = Math.max(last.to, to);
    } else {
      this.#gaps.push({ from, to });
      if (this.#gaps.length > MOST_GAPS) this.#gaps.shift();
    }
  }

  last(column: number): number | undefined {
    return this.#values[column]?.at(-1);
  }

  /** Of what stands between two times; undefined: nothing does. */
  range(column: number, from = -Infinity, to = Infinity): { min: number; max: number } | undefined {
    let min = Infinity;
    let max = -Infinity;
    this.#times.forEach((time, i) => {
      if (time < from || time > to) return;
      const value = this.#values[column]![i]!;
      if (value < min) min = value;
      if (value > max) max = value;
    });
    return min <= max ? { min, max } : undefined;
  }

  /** For the chart: where a line would be drawn over a gap, or over a time without reports, there is a null. */
  columns(): Columns {
    const longest = Math.max(20, 5 * this.#spacing());
    const columns: Columns = [[], ...this.#values.map(() => [] as (number | null)[])];
    const put = (time: number, at: number | null): void => {
      columns[0].push(time);
      this.#values.forEach((column, i) => (columns[i + 1] as (number | null)[]).push(at === null ? null : column[at]!));
    };
    this.#times.forEach((time, i) => {
      const before = this.#times[i - 1];
      if (before !== undefined && (time - before > longest || this.#gaps.some(({ from, to }) => from < time && to > before)))
        put((before + time) / 2, null);
      put(time, i);
    });
    return columns;
  }

  /** The median of the latest spacings, in seconds. */
  #spacing(): number {
    const spacings = [];
    for (let i = Math.max(1, this.#times.length - USUAL_SPACINGS); i < this.#times.length; i++)
      spacings.push(this.#times[i]! - this.#times[i - 1]!);
    return spacings.sort((a, b) => a - b)[spacings.length >> 1] ?? 0;
  }

  #drop(count: number): void {
    this.#times.splice(0, count);
    this.#values.forEach((column) => column.splice(0, count));
    const oldest = this.#times[0]!;
    this.#gaps = this.#gaps.filter(({ to }) => to > oldest);
  }
}

/** The newest `most` of what was put in. */
export class Ring<T> {
  #items: T[] = [];
  /** All that were ever put in. */
  count = 0;

  constructor(readonly most: number) {}

  push(item: T): void {
    this.count++;
    this.#items.push(item);
    if (this.#items.length > this.most) this.#items.shift();
  }

  get items(): readonly T[] {
    return this.#items;
  }

  clear(): void {
    this.#items = [];
  }
}
