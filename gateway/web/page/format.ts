// Numbers and times as people read them. Pure.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A number, or what the API server sometimes sends in its place: text that is one. */
export function numberOf(value: unknown): number | null {
  if (value === null || value === undefined || value === '' || typeof value === 'boolean') return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

/** 1.5 GiB */
export function bytes(value: number | null): string {
  if (value === null) return '–';
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** 12.5 % */
export function percent(value: number | null): string {
  return value === null ? '–' : `${value.toFixed(value >= 99.95 || value === 0 ? 0 : 1)} %`;
}

/** 3 d 4 h, 12 min 5 s; of seconds. */
export function duration(seconds: number | null): string {
  if (seconds === null || seconds < 0) return '–';
  const units: [number, string][] = [[86_400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const at = units.findIndex(([size]) => seconds >= size);
  if (at < 0) return '0 s';
  const [size, name] = units[at]!;
  const first = Math.floor(seconds / size);
  const next = units[at + 1];
  const second = next ? Math.floor((seconds - first * size) / next[0]) : 0;
  return second > 0 ? `${first} ${name} ${second} ${next![1]}` : `${first} ${name}`;
}

/** How long ago, of ms. */
export function age(ms: number): string {
  return ms < 1500 ? 'just now' : `${duration(Math.floor(ms / 1000))} ago`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** 14:05:09, in the reader's zone; with the date where it is not today. `at`, `now`: ms. */
export function clock(at: number, now = Date.now()): string {
  const date = new Date(at);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const day = (d: Date): string => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return day(date) === day(new Date(now)) ? time : `${day(date)} ${time}`;
}

/** For <input type="datetime-local">, in the reader's zone. */
export function localInput(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
