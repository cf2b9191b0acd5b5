// Questions about the past, one after the other: the gateway answers one at a time. They outlive connections.

import type { ErrorCode, HistoryQueryCommand, HistoryResultMessage } from './messages.js';
import { PulsegateError, type HistoryQuery } from './types.js';

type Timer = ReturnType<typeof setTimeout>;
const BUSY_DELAY = 1000; // ms until a question is asked again that the gateway had no room for

interface Open {
  command: HistoryQueryCommand;
  resolve(message: HistoryResultMessage): void;
  reject(error: unknown): void;
  stop(): void;
}

export const timeOf = <T>(time: Date | T): number | T => (time instanceof Date ? time.getTime() : time);

/** Invariants: the first of `open` is the one that was sent, if `sent`; whatever leaves `open` has no timer or listener. */
export class Queries {
  #open: Open[] = [];
  #sent = false;
  #again?: Timer;
  #ids = 0;
  #send: (command: HistoryQueryCommand) => boolean;

  /** `send`: false while there is no connection. */
  constructor(send: (command: HistoryQueryCommand) => boolean) {
    this.#send = send;
  }

  ask({ device, from, to, points, downsample, timeout = 30_000, signal }: HistoryQuery): Promise<HistoryResultMessage> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const command: HistoryQueryCommand = {
        type: 'history-query', id: `q${++this.#ids}`, deviceUuid: device, from: timeOf(from), to: timeOf(to), points, downsample,
      };
      const abort = (): void => this.#end(open, () => reject(signal!.reason));
      const timer = setTimeout(
        () => this.#end(open, () => reject(new PulsegateError('timeout', `no answer within ${timeout} ms`))), timeout);
      const open: Open = {
        command, resolve, reject,
        stop: () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', abort);
        },
      };
      signal?.addEventListener('abort', abort);
      this.#open.push(open);
      this.next();
    });
  }

  /** Sends the first one, unless it was. */
  next(): void {
    const first = this.#open[0];
    if (first && !this.#sent && !this.#again) this.#sent = this.#send(first.command);
  }

  /** What was sent will not be answered. */
  offline(): void {
    this.#sent = false;
    clearTimeout(this.#again);
    this.#again = undefined;
  }

  answered(message: HistoryResultMessage): void {
    const first = this.#open[0];
    if (first?.command.id === message.id) this.#end(first, () => first.resolve(message));
  }

  /** True: the error was about a question. */
  refused(id: unknown, code: ErrorCode, text: string, deviceUuid?: string): boolean {
    const first = this.#open[0];
    if (typeof id !== 'string' || !id.startsWith('q')) return false;
    if (first?.command.id !== id) return true; // nobody waits for it any more
    // One that was given up is still being answered.
    if (code === 'query-open') this.later();
    else this.#end(first, () => first.reject(new PulsegateError(code, text, false, deviceUuid)));
    return true;
  }

  /** The one that was sent may not have been carried out. */
  later(): void {
    if (!this.#open.length) return;
    this.offline();
    this.#again = setTimeout(() => {
      this.#again = undefined;
      this.next();
    }, BUSY_DELAY * (1 + Math.random()));
  }

  fail(error: PulsegateError): void {
    for (const open of this.#open.splice(0)) {
      open.stop();
      open.reject(error);
    }
    this.offline();
  }

  #end(open: Open, settle: () => void): void {
    const index = this.#open.indexOf(open);
    if (index < 0) return;
    this.#open.splice(index, 1);
    open.stop();
    if (index === 0) this.offline();
    settle();
    this.next();
  }
}
