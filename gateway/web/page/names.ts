// What devices are called, as they said the last time: a UUID tells people nothing.
const KEY = 'pulsegate.names';
const MOST = 512;

export class Names {
  #names: Map<string, string>;
  #writing: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly storage: Pick<Storage, 'getItem' | 'setItem'>) {
    let stored: unknown;
    try {
      stored = JSON.parse(storage.getItem(KEY) ?? '{}');
    } catch {
      stored = {};
    }
    this.#names = new Map(Object.entries(stored && typeof stored === 'object' ? stored : {})
      .filter((entry): entry is [string, string] => typeof entry[1] === 'string').slice(-MOST));
  }

  get(device: string): string | undefined {
    return this.#names.get(device);
  }

  /** False: it was known. */
  set(device: string, name: string): boolean {
    const short = name.slice(0, 80);
    if (this.#names.get(device) === short) return false;
    this.#names.delete(device);
    this.#names.set(device, short);
    if (this.#names.size > MOST) this.#names.delete(this.#names.keys().next().value!);
    this.#writing ??= setTimeout(() => this.#write(), 500);
    return true;
  }

  #write(): void {
    this.#writing = undefined;
    try {
      this.storage.setItem(KEY, JSON.stringify(Object.fromEntries(this.#names)));
    } catch {
      // Then they are learnt again.
    }
  }
}
