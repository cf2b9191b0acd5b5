// Where the tiles of the wall stand. Pure.

export interface Layout {
  columns: number;
  rows: number;
  /** CSS pixels. */
  tileWidth: number;
  tileHeight: number;
  gap: number;
  height: number;
}

const NARROWEST = 156;
const WIDEST = 300;
const TILE_HEIGHT = 100;
const GAP = 8;

/** `width`: CSS pixels that there are. At least two columns, where two of 120 fit. */
export function layout(count: number, width: number): Layout {
  const fitting = Math.floor((width + GAP) / (NARROWEST + GAP));
  const columns = Math.max(1, Math.min(count, Math.max(fitting, width >= 248 ? 2 : 1)));
  const rows = Math.ceil(count / columns);
  return {
    columns, rows, gap: GAP, tileHeight: TILE_HEIGHT,
    tileWidth: Math.max(0, Math.min(WIDEST, (width - GAP * (columns - 1)) / columns)),
    height: Math.max(0, rows * (TILE_HEIGHT + GAP) - GAP),
  };
}

export function place(index: number, { columns, tileWidth, tileHeight, gap }: Layout): { left: number; top: number } {
  return { left: (index % columns) * (tileWidth + gap), top: Math.floor(index / columns) * (tileHeight + gap) };
}

/** Which tiles any part of which stands between two heights: [first, end). */
export function visible(from: number, to: number, count: number, { columns, tileHeight, gap }: Layout): [number, number] {
  const first = Math.max(0, Math.floor((from - tileHeight) / (tileHeight + gap)) + 1);
  const end = Math.max(first, Math.ceil(to / (tileHeight + gap)));
  return [Math.min(count, first * columns), Math.min(count, end * columns)];
}

/** Where an arrow key leads; the same index where there is nothing. */
export function step(index: number, key: string, count: number, columns: number): number {
  const to = { ArrowRight: index + 1, ArrowLeft: index - 1, ArrowDown: index + columns, ArrowUp: index - columns, Home: 0, End: count - 1 }[key];
  return to === undefined || to < 0 || to >= count ? index : to;
}
