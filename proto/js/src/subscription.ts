// One subscriber: its handlers, and a bounded queue for each of its iterators.

import type { Channel, GapMessage, HistoryMessage } from './messages.js';
import { callSafely } from './emitter.js';
import type { DeviceStatus, Handlers, MessageOf, OverflowMessage, PulsegateError, SubscribeOptions } from './types.js';

/** What an iterator gives. */
export type Item<C extends Channel> = MessageOf<C> | GapMessage | OverflowMessage;

/**
 * What `subscribe()` returns. To iterate over it is to read what comes from then on; when the loop is left and nobody
 * else listens (no handlers, no other loop), the subscription is closed.
 */
export interface Subscription<C extends Channel = Channel> extends AsyncIterable<Item<C>> {
  /** Idempotent. Iterators end, after what they have in their queues. */
  close(): void;
  readonly closed: boolean;
  /** The last sample that was seen, for `since` on another page. `device`: not needed where there is one. */
  cursor(device?: string, channel?: 'metrics' | 'history'): string | undefined;
}

/** What a subscriber needs of the client. */
export interface Host {
  leave(subscriber: Subscriber): void;
  cursorOf(device: string, channel: string): string | undefined;
}

export class Subscriber implements Subscription<any> {
  closed = false;
  #host: Host;
  #handlers: Handlers<any>;
  #handled: boolean;
  #readers = new Set<Reader>();

  constructor(host: Host, readonly devices: readonly string[], readonly options: SubscribeOptions<any>,
              handlers?: ((message: any) => void) | Handlers<any>) {
    this.#host = host;
    this.#handled = !!handlers;
    this.#handlers = typeof handlers === 'function'
      ? Object.fromEntries(options.channels.map((channel) => [channel, handlers])) : handlers ?? {};
  }

  /** A value of one of its channels, or a `gap`. */
  deliver(message: any): void {
    callSafely(this.#handlers[message.type], message);
    this.#readers.forEach((reader) => reader.push(message));
  }

  status(status: DeviceStatus): void {
    callSafely(this.#handlers.status, status);
  }

  /** Iterators end with the error; handlers stay, for a later `connect()`. */
  fail(error?: PulsegateError): void {
    this.#readers.forEach((reader) => reader.end(error));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.fail();
    this.#host.leave(this);
  }

  cursor(device = this.devices[0] ?? '', channel: 'metrics' | 'history' = 'metrics'): string | undefined {
    return this.#host.cursorOf(device, channel);
  }

  [Symbol.asyncIterator](): AsyncIterator<any> {
    const reader: Reader = new Reader(this.options, () => {
      this.#readers.delete(reader);
      if (!this.#handled && this.#readers.size === 0) this.close();
    });
    if (this.closed) reader.end();
    else this.#readers.add(reader);
    return reader;
  }
}

interface Waiting {
  resolve(result: IteratorResult<any>): void;
  reject(error: unknown): void;
}

/**
 * Invariant: `queue` holds at most `queue` messages with numbers for keys; the others, which `conflate` keeps by device
 * and channel, are as many as there are of these.
 */
class Reader implements AsyncIterator<any> {
  #queue = new Map<string | number, unknown>();
  #numbered = 0;
  #next = 0;
  #dropped = 0;
  #waiting: Waiting[] = [];
  #ended = false;
  #error: unknown;

  constructor(readonly options: SubscribeOptions<any>, readonly onEnd: () => void) {}

  push(message: { type: string; deviceUuid: string }): void {
    const waiting = this.#waiting.shift();
    if (waiting) return waiting.resolve({ value: message, done: false });
    if (this.options.overflow === 'conflate' && message.type !== 'gap' && (message as HistoryMessage).mode !== 'append') {
      const key = message.type + message.deviceUuid;
      this.#queue.delete(key); // to the end: in the order of the newest
      this.#queue.set(key, message);
      return;
    }
    this.#queue.set(this.#next++, message);
    if (++this.#numbered <= Math.max(1, this.options.queue ?? 256)) return;
    for (const key of this.#queue.keys()) {
      if (typeof key === 'string') continue;
      this.#queue.delete(key);
      this.#numbered--;
      this.#dropped++;
      return;
    }
  }

  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    for (const waiting of this.#waiting.splice(0)) this.#finish(waiting);
    this.onEnd();
  }

  next(): Promise<IteratorResult<any>> {
    return new Promise((resolve, reject) => {
      const dropped = this.#dropped;
      if (dropped) {
        this.#dropped = 0;
        return resolve({ value: { type: 'overflow', dropped }, done: false });
      }
      for (const [key, value] of this.#queue) {
        this.#queue.delete(key);
        if (typeof key === 'number') this.#numbered--;
        return resolve({ value, done: false });
      }
      const waiting = { resolve, reject };
      if (this.#ended) this.#finish(waiting);
      else this.#waiting.push(waiting);
    });
  }

  /** The loop was left. */
  return(): Promise<IteratorResult<any>> {
    this.#queue.clear();
    this.#dropped = 0;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  #finish(waiting: Waiting): void {
    const error = this.#error;
    this.#error = undefined; // told once
    if (error) waiting.reject(error);
    else waiting.resolve({ value: undefined, done: true });
  }
}
