// One connection that is made again whenever it ends: sockets, backoff, tokens, signs of life. It knows nothing of
// subscriptions: whoever owns it says again what is wanted, each time that it is up.

import type { AuthenticatedMessage, ClientCommand, ConnectedMessage, ServerMessage } from './messages.js';
import { closeRule, codeOfStatus } from './close_codes.js';
import { Tokens, endOf } from './tokens.js';
import { PulsegateError, type ClientOptions, type State, type StateEvent, type WebSocketLike } from './types.js';

export interface LinkEvents {
  /** `connected` has come: commands can be sent. */
  up(connected: ConnectedMessage): void;
  /** It was up, and is not any more. */
  down(): void;
  message(message: ServerMessage): void;
  state(event: StateEvent): void;
  error(error: PulsegateError): void;
  command(command: ClientCommand): void;
}

type Timer = ReturnType<typeof setTimeout>;
const LONGEST = 1e9; // ms until a token is renewed: setTimeout can wait for not much more than twice that
const STABLE = 5000; // ms for which a connection must have been up to begin the backoff anew
const noop = (): void => {};

/** Invariants: at most one socket, whose handlers are ours; without one there is at most one timer, for the next. */
export class Link {
  state: State = 'idle';
  #options: ClientOptions;
  #url: string;
  #events: LinkEvents;
  #tokens: Tokens;
  #socket?: WebSocketLike;
  #turn = 0; // what was begun in an earlier one is over
  #attempt = 0;
  #retry?: Timer; // the next connection
  #watch?: Timer; // `connected` in time, then signs of life
  #renewal?: Timer; // the token's
  #renewals = 0; // that failed in a row
  #used?: string; // the token of the socket
  #offered?: string; // the one in an `auth` that was not answered yet
  #upSince?: number;
  #seen = 0; // when the last message came
  #pinged = 0; // when a sign of life was asked for; 0: not since
  #hint?: number; // `after_ms` of a `reconnect`
  #status?: number; // the close code for the HTTP status of a refused handshake
  #skew = 0; // the gateway's clock, less ours

  constructor(url: string, options: ClientOptions, events: LinkEvents) {
    this.#url = url;
    this.#options = options;
    this.#events = events;
    this.#tokens = new Tokens(options.token);
  }

  /** The gateway's clock, in ms since 1970. */
  now(): number {
    return Date.now() + this.#skew;
  }

  /** Where it is idle or has failed: begins. */
  connect(): void {
    if (this.state !== 'idle' && this.state !== 'failed') return;
    this.#attempt = 0;
    this.#enter({ state: 'connecting' });
    void this.#open();
  }

  /** The network may be back, or was away: try at once, or look whether anybody is there. */
  wake(): void {
    if (this.#retry) {
      this.#attempt = 0;
      this.#schedule(Math.random() * this.#minDelay);
    } else if (this.state === 'live') {
      this.#ping();
    }
  }

  /** Requires: up. */
  send(command: ClientCommand): void {
    this.#socket?.send(JSON.stringify(command));
    this.#events.command(command.type === 'auth' ? { ...command, token: '…' } : command);
  }

  /** For good. */
  close(): void {
    this.#drop();
    this.#enter({ state: 'closed' });
  }

  get #minDelay(): number {
    return this.#options.minDelay ?? 500;
  }

  #enter(event: StateEvent): void {
    this.state = event.state;
    this.#events.state(event);
  }

  async #open(): Promise<void> {
    const turn = ++this.#turn;
    let token: string | null | undefined;
    try {
      token = await this.#tokens.get(this.now());
    } catch (error) {
      if (turn === this.#turn) this.#fail(error as PulsegateError);
      return;
    }
    if (turn !== this.#turn) return;
    if (token === null) return this.#lost(1006, 'there is no token just now');
    const Socket = this.#options.WebSocket ?? (globalThis as any).WebSocket;
    this.#used = token;
    this.#hint = this.#status = undefined;
    let socket: WebSocketLike;
    try {
      socket = new Socket(this.#url, token ? ['pulsegate.v1', 'bearer.' + token] : undefined);
    } catch (cause) {
      const message = Socket ? (cause as Error).message : 'there is no WebSocket here: give one as an option';
      return this.#fail(new PulsegateError('bad-url', message, true, undefined, cause));
    }
    this.#socket = socket;
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lost((event.code === 1006 && this.#status) || event.code, event.reason);
    // Browsers tell nothing here; what Node's sockets tell of a refused handshake is worth a look.
    socket.onerror = (event) => (this.#status = codeOfStatus(String(event?.message)));
    this.#watch = setTimeout(() => this.#lost(1006, 'not connected in time'), this.#options.connectTimeout ?? 10_000);
  }

  #receive(text: string): void {
    this.#seen = Date.now();
    if (this.#pinged) {
      this.#pinged = 0;
      this.#expectLife(0);
    }
    let message: ServerMessage;
    try {
      message = JSON.parse(text);
    } catch {
      return; // not of our gateway, which sends JSON only
    }
    if (message.type === 'connected' && this.#upSince === undefined) this.#up(message);
    else if (message.type === 'reconnect') this.#hint = message.data.after_ms;
    else if (message.type === 'authenticated') this.#authenticated(message);
    else if (message.type === 'error' && message.id === 'auth') this.#notAuthenticated(message.data.code);
    this.#events.message(message);
  }

  #up(connected: ConnectedMessage): void {
    this.#skew = Date.parse(connected.timestamp) - Date.now() || 0;
    this.#upSince = Date.now();
    this.#renewals = 0;
    this.#expectLife(0);
    this.#renewBefore(this.#used && endOf(this.#used));
    this.#enter({ state: 'live' });
    this.#events.up(connected);
  }

  #expectLife(ms: number): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      const interval = this.#options.pingInterval ?? 25_000;
      const silence = Date.now() - this.#seen;
      if (this.#pinged) this.#lost(1006, 'no sign of life');
      else if (silence >= interval) this.#ping();
      else this.#expectLife(interval - silence);
    }, ms);
  }

  #ping(): void {
    if (this.#pinged) return;
    this.#pinged = Date.now();
    this.send({ type: 'ping' });
    this.#expectLife(this.#options.pongTimeout ?? 10_000);
  }

  #renewBefore(end: number | '' | undefined): void {
    if (!end || !this.#tokens.renewable) return;
    const left = end - this.now();
    // Not all at the same time, who were let in at the same time.
    const wait = Math.max(left - (this.#options.refreshBefore ?? 30_000), left / 2) * (1 - Math.random() / 10);
    this.#renewIn(Math.min(Math.max(1000, wait), LONGEST));
  }

  #renewIn(ms: number): void {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => void this.#renew(), ms);
  }

  async #renew(): Promise<void> {
    const turn = this.#turn;
    try {
      const token = await this.#tokens.renew();
      if (turn !== this.#turn) return;
      if (token && token !== this.#used) {
        this.#offered = token;
        return this.send({ type: 'auth', token, id: 'auth' });
      }
    } catch (error) {
      if (turn !== this.#turn) return;
      // The old one still holds. At its end the gateway will say so, and that is when an error is final.
      const { code, message, cause } = error as PulsegateError;
      this.#events.error(new PulsegateError(code, message, false, undefined, cause));
    }
    this.#renewLater();
  }

  #renewLater(): void {
    this.#renewIn(1000 + this.#backoff(this.#renewals++));
  }

  #authenticated(message: AuthenticatedMessage): void {
    this.#renewals = 0;
    this.#used = this.#offered;
    this.#renewBefore(Date.parse(message.data.expires ?? ''));
  }

  #notAuthenticated(code: string): void {
    // Another subject's: good, but not here.
    if (code === 'forbidden') return this.#lost(1000, 'the token is of another subject', 0);
    this.#tokens.refuse(this.#offered);
    this.#renewLater();
  }

  #backoff(attempt: number): number {
    return Math.random() * Math.min(this.#options.maxDelay ?? 30_000, this.#minDelay * 2 ** attempt);
  }

  /** The connection is over, or none came about. `after`: ms to wait whatever the code says. */
  #lost(code: number, reason = '', after?: number): void {
    const stable = this.#upSince !== undefined && Date.now() - this.#upSince >= STABLE;
    const hint = this.#hint;
    this.#drop();
    if (stable) this.#attempt = 0;
    const rule = closeRule(code);
    if (code === 4401) this.#tokens.refuse(this.#used);
    else if (!rule.reconnect && after === undefined)
      return this.#fail(new PulsegateError(`close-${code}`, reason || `closed with ${code}`, true), code, reason);
    this.#schedule((after ?? hint ?? rule.after) + this.#backoff(this.#attempt++), code, reason);
  }

  #schedule(retryIn: number, code?: number, reason?: string): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      void this.#open();
    }, retryIn);
    this.#enter({ state: 'reconnecting', retryIn, code, reason });
  }

  #fail(error: PulsegateError, code?: number, reason?: string): void {
    this.#drop();
    this.#enter({ state: 'failed', code, reason: reason || error.message });
    this.#events.error(error);
  }

  /** No socket, no timer. */
  #drop(): void {
    ++this.#turn;
    for (const timer of [this.#retry, this.#watch, this.#renewal]) clearTimeout(timer);
    this.#retry = undefined;
    const socket = this.#socket;
    const wasUp = this.#upSince !== undefined;
    this.#socket = this.#upSince = undefined;
    this.#pinged = 0;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.onerror = noop; // package `ws` throws the error of a handshake that is given up, unless somebody listens
      if (socket.readyState < 2) socket.close(1000);
    }
    if (wasUp) this.#events.down();
  }
}
