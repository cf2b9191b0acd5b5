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

export class Emitter<Events extends object> {
  #listeners = new Map<keyof Events, Set<Listener<any>>>();

  /** Returns what removes it again. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    let set = this.#listeners.get(name);
    if (!set) this.#listeners.set(name, (set = new Set()));
    set.add(listener);
    return () => void set.delete(listener);
  }

  emit<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) callSafely(listener, value);
  }

  clear(): void {
    this.#listeners.clear();
  }
}
