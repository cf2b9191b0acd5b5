// Which devices the page knows: those of the address, and those that were typed in before. Nothing else is asked.

const KEY = 'pulsegate.devices';
const MOST = 256; // what the fleet endpoint takes on one connection
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Lower case; undefined: not a UUID. */
export function parseDevice(text: string): string | undefined {
  const device = text.trim().toLowerCase();
  return UUID.test(device) ? device : undefined;
}

export interface Address {
  devices: string[];
  /** Parts of `devices=` that are no UUIDs. */
  refused: string[];
  /** The one that is looked at; undefined: all of them. */
  device?: string;
}

/** `search`: ?devices=a,b,c&device=b */
export function parseAddress(search: string): Address {
  const query = new URLSearchParams(search);
  const devices = new Set<string>();
  const refused: string[] = [];
  for (const part of (query.get('devices') ?? '').split(',').filter((text) => text.trim() !== '')) {
    const device = parseDevice(part);
    if (device && devices.size < MOST) devices.add(device);
    else refused.push(part.trim().slice(0, 60));
  }
  const device = parseDevice(query.get('device') ?? '');
  if (device && devices.size < MOST) devices.add(device);
  return { devices: [...devices], refused, device };
}

export function addressOf(devices: readonly string[], device?: string): string {
  const parts = [];
  if (devices.length) parts.push(`devices=${devices.join(',')}`);
  if (device) parts.push(`device=${device}`);
  return parts.length ? `?${parts.join('&')}` : location.pathname;
}

/** Those of the address first, then those of earlier visits. */
export class Devices {
  list: string[];

  constructor(given: readonly string[], private readonly storage: Pick<Storage, 'getItem' | 'setItem'>) {
    this.list = [...given];
    for (const device of this.#stored()) this.#join(device);
    this.#store();
  }

  /** False: it was there, or there are as many as there can be. */
  add(device: string): boolean {
    const joined = this.#join(device);
    this.#store();
    return joined;
  }

  get full(): boolean {
    return this.list.length >= MOST;
  }

  remove(device: string): void {
    this.list = this.list.filter((other) => other !== device);
    this.#store();
  }

  #join(device: string): boolean {
    if (this.full || this.list.includes(device)) return false;
    this.list.push(device);
    return true;
  }

  #stored(): string[] {
    try {
      const found: unknown = JSON.parse(this.storage.getItem(KEY) ?? '[]');
      return Array.isArray(found) ? found.map((text) => parseDevice(String(text))).filter((one) => one !== undefined) : [];
    } catch {
      return [];
    }
  }

  #store(): void {
    try {
      this.storage.setItem(KEY, JSON.stringify(this.list));
    } catch {
      // A browser that keeps nothing: the address still says which.
    }
  }
}
