// Tables of what a device reports: sortable, filterable, and as long as the device says, within bounds.
import { h, replace, setText } from './dom.js';
import { duration, numberOf } from './format.js';

const MOST_ROWS = 200;

export interface Column<Row> {
  key: string;
  title: string;
  /** What is sorted by: numbers by size, text by alphabet. */
  value: (row: Row) => number | string | null;
  text?: (row: Row) => string;
  number?: boolean;
}

export class Table<Row> {
  readonly element: HTMLElement;
  #body = h('tbody');
  #heads: HTMLTableCellElement[];
  #rows: Row[] = [];
  #sort: { column: Column<Row>; up: boolean };
  #filter: HTMLInputElement;
  #empty: HTMLElement;

  constructor(private readonly name: string, caption: string, private readonly columns: Column<Row>[], sortBy: string, up = false) {
    this.#sort = { column: columns.find(({ key }) => key === sortBy)!, up };
    this.#heads = columns.map((column) => h('th', { scope: 'col', class: column.number ? 'number' : undefined },
      h('button', { type: 'button', onclick: () => this.#sortBy(column) }, column.title)));
    this.#filter = h('input', { type: 'search', placeholder: 'Filter', 'aria-label': `Filter ${caption}`, oninput: () => this.#draw() });
    this.#empty = h('p', { class: 'empty' }, 'Nothing reported yet.');
    this.element = h('section', { class: 'card', 'data-testid': `table-${name}` },
      h('div', { class: 'card-head' }, h('h3', {}, caption), this.#filter),
      h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
        h('table', {}, h('caption', { class: 'unseen' }, caption), h('thead', {}, h('tr', {}, ...this.#heads)), this.#body)),
      this.#empty);
    this.#draw();
  }

  show(rows: readonly Row[]): void {
    this.#rows = rows.slice(0, MOST_ROWS);
    this.#draw();
  }

  #sortBy(column: Column<Row>): void {
    this.#sort = { column, up: this.#sort.column === column ? !this.#sort.up : !column.number };
    this.#draw();
  }

  #draw(): void {
    const { column, up } = this.#sort;
    this.columns.forEach((each, i) => this.#heads[i]!.setAttribute('aria-sort', each === column ? (up ? 'ascending' : 'descending') : 'none'));
    const text = (row: Row, { value, text: written }: Column<Row>): string => written?.(row) ?? String(value(row) ?? '–');
    const wanted = this.#filter.value.trim().toLowerCase();
    const rows = this.#rows.filter((row) => !wanted || this.columns.some((each) => text(row, each).toLowerCase().includes(wanted)));
    rows.sort((a, b) => compare(column.value(a), column.value(b)) * (up ? 1 : -1));
    replace(this.#body, ...rows.map((row) => h('tr', { 'data-testid': `row-${this.name}` },
      ...this.columns.map((each) => h('td', { class: each.number ? 'number' : undefined, title: text(row, each) }, text(row, each))))));
    this.#empty.hidden = rows.length > 0;
    setText(this.#empty, this.#rows.length ? 'Nothing matches.' : 'Nothing reported yet.');
  }
}

/** Nothing comes before everything. */
function compare(a: number | string | null, b: number | string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}

type Thing = Record<string, unknown>;
const text = (value: unknown): string => (value === null || value === undefined || value === '' ? '–' : String(value));

/** What came, as rows: the API server says what is in it, so it may be anything. */
export function rowsOf(value: unknown): Thing[] {
  return Array.isArray(value) ? value.filter((row): row is Thing => typeof row === 'object' && row !== null) : [];
}

export function processTable(): Table<Thing> {
  const share = (value: unknown): string => {
    const number = numberOf(value);
    return number === null ? '–' : `${number.toFixed(1)} %`;
  };
  return new Table<Thing>('processes', 'Processes', [
    { key: 'name', title: 'Name', value: (row) => text(row.name) },
    { key: 'pid', title: 'PID', value: (row) => numberOf(row.pid), number: true },
    { key: 'cpu', title: 'CPU', value: (row) => numberOf(row.cpu), text: (row) => share(row.cpu), number: true },
    { key: 'mem', title: 'Memory', value: (row) => numberOf(row.mem), text: (row) => share(row.mem), number: true },
    { key: 'command', title: 'Command', value: (row) => text(row.command) },
  ], 'cpu');
}

export function interfaceTable(): Table<Thing> {
  const yes = (value: unknown): string => (value ? 'yes' : '');
  return new Table<Thing>('interfaces', 'Network interfaces', [
    { key: 'name', title: 'Name', value: (row) => text(row.name) },
    { key: 'type', title: 'Type', value: (row) => text(row.type) },
    { key: 'state', title: 'State', value: (row) => text(row.operstate) },
    { key: 'ip4', title: 'IPv4', value: (row) => text(row.ip4) },
    { key: 'ip6', title: 'IPv6', value: (row) => text(row.ip6) },
    { key: 'mac', title: 'MAC', value: (row) => text(row.mac) },
    { key: 'default', title: 'Default', value: (row) => yes(row.default) },
    { key: 'wifi', title: 'Wi-Fi', value: (row) => (row.ssid ? `${row.ssid}${row.signalLevel ? ` ${row.signalLevel} dBm` : ''}` : '') },
  ], 'name', true);
}

/** System information as pairs. */
export class Facts {
  readonly list = h('dl', { class: 'facts', 'data-testid': 'facts' });

  show(facts: Record<string, unknown>): void {
    const known: [string, string][] = [
      ['System', [facts.os, facts.architecture].filter(Boolean).join(' · ') || '–'], ['Up', duration(numberOf(facts.uptime))],
      ['IP', text(facts.ipAddress)], ['MAC', text(facts.macAddress)],
    ];
    replace(this.list, ...known.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
  }
}

