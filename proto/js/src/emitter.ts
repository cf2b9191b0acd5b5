// Listeners by name. A listener that throws harms nobody else: its error is thrown where nothing of ours runs.

export type Listener<T> = (value: T) => void;

export function callSafely<T>(listener: Listener<T> | undefined, value: T): void {
  try {
    listener?.(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** What the map has there; it is made first, if need be. */
export function ensure<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  if (!map.has(key)) map.set(key, make());
  return map.get(key)!;
}

export class Emitter<Events extends object> {
  #listeners = new Map<keyof Events, Set<Listener<any>>>();

  /** Returns what removes it again. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const set = ensure(this.#listeners, name, () => new Set());
    set.add(listener);
    return () => void set.delete(listener);
  }

  emit<K extends keyof Events>(name: K, value: Events[K]): void {
    this.#listeners.get(name)?.forEach((listener) => callSafely(listener, value));
  }

  clear(): void {
    this.#listeners.clear();
  }
}
