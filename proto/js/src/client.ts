// The client: it puts together the link, the slots and the questions, and looks whether the page is seen.

import type { Channel, ClientCommand, ConnectedMessage, HistoryResultMessage, Limits, ServerMessage } from './messages.js';
import { Emitter } from './emitter.js';
import { Link } from './link.js';
import { Queries, timeOf } from './queries.js';
import { Slots, type SlotCommand } from './slots.js';
import { Subscriber, type Subscription } from './subscription.js';
import {
  PulsegateError, type ClientOptions, type Events, type Handlers, type HistoryQuery, type MessageOf, type ReplayQuery,
  type State, type SubscribeOptions,
} from './types.js';

type Timer = ReturnType<typeof setTimeout>;
const DEVICE_BYTES = 120; // of a command: a device's name, twice, and its cursor
const COMMAND_BYTES = 2048; // of a command without its devices
const RESEND_DELAY = 1000; // ms after `rate-limited`
const BURST = 1000; // ms of commands that may be said at once

const closed = (): PulsegateError => new PulsegateError('closed', 'the client is closed, or has given up');

/** The WebSocket's address, of whatever was given. */
function endpoint(options: ClientOptions): string {
  const given = String(options.url ?? (globalThis as any).location?.origin ?? '').replace(/^http/, 'ws');
  if (/\/ws(\?.*)?$/.test(given)) return given;
  return given.replace(/\/+$/, '') + (options.device ? `/api/v1/devices/${options.device}/ws` : '/api/v1/ws');
}

/**
 * One connection to the gateway, for one device or for many, that comes back by itself where it stood. It connects with
 * the first `subscribe()` or `history()`, or by `connect()`; it lasts until `close()`.
 */
export class PulsegateClient {
  #options: ClientOptions;
  #events = new Emitter<Events>();
  #link: Link;
  #slots: Slots;
  #queries: Queries;
  #subscribers = new Set<Subscriber>();
  #limits?: Limits;
  #flush?: Timer;
  #resend?: Timer;
  #hiding?: Timer;
  #busyUntil = 0; // the time that the gateway's rate of commands allows for what was said
  #watching = false;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
    const url = endpoint(options);
    this.#slots = new Slots(/\/v1\/ws(\?.*)?$/.test(url), (status) => this.#events.emit('status', status));
    this.#link = new Link(url, options, {
      up: (connected) => this.#up(connected),
      down: () => this.#down(),
      message: (message) => this.#receive(message),
      state: (event) => this.#events.emit('state', event),
      error: (error) => this.#failed(error),
      command: (command) => this.#events.emit('command', command),
    });
    this.#queries = new Queries((command) => this.#say(command));
  }

  get state(): State {
    return this.#link.state;
  }

  /** Of the last connection; undefined before the first. */
  get limits(): Limits | undefined {
    return this.#limits;
  }

  /** Idempotent; not after `close()`. Needed only to be early, or to try again after `failed`. */
  connect(): void {
    if (this.state === 'closed') throw closed();
    this.#watchPage(true);
    this.#link.connect();
  }

  /**
   * Several subscriptions of one channel share it: each gets all of its messages, and first the latest. What is asked
   * for in one turn goes in one command, so a wall of devices may be one call a device. Where the client has given up
   * it waits for `connect()`.
   */
  subscribe<const C extends Channel>(
    options: SubscribeOptions<C>, handlers?: Handlers<NoInfer<C>> | ((message: MessageOf<NoInfer<C>>) => void),
  ): Subscription<C> {
    if (this.state !== 'failed') this.connect();
    if (this.#slots.fleet && !options.devices) throw new PulsegateError('missing-device', 'of which devices?');
    const given = typeof options.devices === 'string' ? [options.devices] : options.devices ?? [];
    const devices = this.#slots.fleet ? [...new Set(given.map((device) => device.toLowerCase()))] : [''];
    const { since } = options;
    const lower = typeof since === 'object'
      ? Object.fromEntries(Object.entries(since).map(([device, cursor]) => [this.#key(device), cursor])) : since;
    const host = {
      leave: (one: Subscriber) => {
        this.#subscribers.delete(one);
        this.#slots.remove(one);
        this.#flushSoon();
      },
      cursorOf: (device: string, channel: string) => this.#slots.cursorOf(this.#key(device), channel),
    };
    const subscriber = new Subscriber(host, devices, { ...options, since: lower }, handlers as any);
    this.#subscribers.add(subscriber);
    this.#slots.add(subscriber, this.state === 'live');
    this.#flushSoon();
    return subscriber;
  }

  /** Rejects with a PulsegateError, at once where the client has given up, or with the reason of the signal. Those asked together are answered in turn. */
  async history(query: HistoryQuery): Promise<HistoryResultMessage> {
    if (this.state === 'failed') throw closed();
    this.connect();
    return this.#queries.ask(query);
  }

  /** Answers are events: `replay`, or `error` where it is refused. A reconnect ends it. False: there is no connection now. */
  replay(query: ReplayQuery): boolean {
    const { device: deviceUuid, ...rest } = query;
    return this.#say({ type: 'replay', id: 'replay', ...rest, deviceUuid, from: timeOf(query.from), to: timeOf(query.to) });
  }

  stopReplay(deviceUuid?: string): boolean {
    return this.#say({ type: 'replay-stop', deviceUuid, id: 'replay' });
  }

  /** Returns what removes the listener. */
  on<K extends keyof Events>(name: K, listener: (event: Events[K]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** For good: subscriptions end, questions are rejected; no timer, no listener and no socket is left. Idempotent. */
  close(): void {
    if (this.state === 'closed') return;
    this.#queries.fail(closed());
    this.#subscribers.forEach((subscriber) => subscriber.close());
    this.#watchPage(false);
    this.#link.close();
    this.#events.clear();
  }

  #key(device: string): string {
    return this.#slots.fleet ? device.toLowerCase() : '';
  }

  #say(command: ClientCommand): boolean {
    if (this.state !== 'live') return false;
    const devices = (command as SlotCommand).deviceUuids?.length ?? 1;
    this.#busyUntil = Math.max(this.#busyUntil, Date.now()) + (Math.ceil(devices / 16) * 1000) / this.#limits!.commandsPerSecond;
    this.#link.send(command);
    return true;
  }

  #failed(error: PulsegateError): void {
    if (error.fatal) {
      this.#watchPage(false);
      this.#queries.fail(error);
      this.#subscribers.forEach((subscriber) => subscriber.fail(error));
    }
    this.#events.emit('error', error);
  }

  #up(connected: ConnectedMessage): void {
    this.#limits = connected.data.limits;
    this.#busyUntil = 0;
    this.#flushNow();
    this.#queries.next();
  }

  #down(): void {
    for (const timer of [this.#flush, this.#resend]) clearTimeout(timer);
    this.#flush = this.#resend = undefined;
    this.#slots.offline(this.#link.now());
    this.#queries.offline();
  }

  #receive(message: ServerMessage): void {
    this.#events.emit('message', message);
    const { type } = message;
    const device = this.#key((message as { deviceUuid?: string }).deviceUuid ?? '');
    if ((message as { replay?: boolean }).replay || String(type).startsWith('replay-'))
      return this.#events.emit('replay', message as unknown as Events['replay']);
    switch (type) {
      case 'subscribed':
        this.#slots.subscribed(device, message.channel, this.#link.now());
        return this.#flushSoon();
      case 'unsubscribed':
        return this.#slots.unsubscribed(device, message.channel);
      case 'status':
        return this.#slots.status(device, message.data);
      case 'gap':
        this.#slots.gap(device, message);
        return this.#events.emit('gap', message);
      case 'history-result':
        return this.#queries.answered(message);
      case 'error':
        return this.#refused(message);
      case 'connected':
      case 'authenticated':
      case 'pong':
      case 'reconnect':
        return;
    }
    if (!this.#slots.deliver(device, message as any)) this.#events.emit('broadcast', message as any);
  }

  #refused({ id, data: { code, message }, deviceUuid }: Extract<ServerMessage, { type: 'error' }>): void {
    if (this.#queries.refused(id, code, message, deviceUuid)) return;
    this.#slots.refused(id, code);
    // Nobody knows which; so what has no answer by then is said again.
    if (code === 'rate-limited') {
      this.#resend ??= setTimeout(() => {
        this.#resend = undefined;
        this.#slots.unanswered();
        this.#flushSoon();
      }, RESEND_DELAY * (1 + Math.random()));
      this.#queries.later();
    }
    this.#flushSoon();
    this.#events.emit('error', new PulsegateError(code, message, false, deviceUuid));
  }

  /** While too much has been said, what is wanted gathers, and goes in fewer commands. */
  #flushSoon(): void {
    if (!this.#flush && this.state === 'live' && this.#slots.dirty)
      this.#flush = setTimeout(() => this.#flushNow(), Math.max(0, this.#busyUntil - Date.now() - BURST));
  }

  #flushNow(): void {
    clearTimeout(this.#flush);
    this.#flush = undefined;
    const room = (this.#limits!.maxMessageBytes - COMMAND_BYTES) / DEVICE_BYTES;
    for (const command of this.#slots.commands(Math.max(1, Math.min(96, room | 0)))) this.#say(command);
  }

  // The page: hidden or seen, with a network or without. Elsewhere there is neither.
  #watchPage(on: boolean): void {
    if (on === this.#watching) return;
    this.#watching = on;
    const change = on ? 'addEventListener' : 'removeEventListener';
    (globalThis as any).document?.[change]('visibilitychange', this.#looked);
    (globalThis as any)[change]?.('online', this.#online);
    if (on) this.#looked();
    else clearTimeout(this.#hiding);
  }

  #online = (): void => this.#link.wake();

  #looked = (): void => {
    const { hidden = 'pause', hiddenAfter = 5000, hiddenRate = 0.1 } = this.#options;
    if (hidden === 'ignore') return;
    clearTimeout(this.#hiding);
    if ((globalThis as any).document?.hidden) {
      this.#hiding = setTimeout(() => this.#limit(hidden === 'pause', hidden === 'slow' ? hiddenRate : undefined), hiddenAfter);
    } else {
      this.#limit(false);
      if (this.#watching) this.#link.wake();
    }
  };

  #limit(paused: boolean, rate?: number): void {
    this.#slots.limit(paused, rate);
    this.#flushSoon();
  }
}
