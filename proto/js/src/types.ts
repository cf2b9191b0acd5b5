// What a program that uses the client sees, apart from the classes themselves.

import type {
  BuiltInChannel, Channel, ClientCommand, Downsample, ErrorCode, GapMessage, HistoryForm, HistoryMessage, MetricsMessage,
  PassThroughMessage, ReplayBeginMessage, ReplayEndMessage, ServerMessage,
} from './messages.js';

/** Anything that behaves like a browser's WebSocket: the browser's, Node's (22 and later), or the one of package `ws`. */
export interface WebSocketLike {
  readonly readyState: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}
export type WebSocketConstructor = new (url: string, protocols?: string[]) => any;

/**
 * Gives a token to connect with. `refused` is the last one, where the gateway has refused it: the same again means that
 * there is no other, and the client gives up.
 *
 * - null: none just now. Asked again, with backoff.
 * - It throws a TypeError, as `fetch` does without a network: asked again, with backoff.
 * - It throws anything else: the client gives up (state `failed`), and `connect()` tries again.
 */
export type TokenCallback = (refused?: string) => string | null | Promise<string | null>;

export interface ClientOptions {
  /**
   * Where the gateway is: `wss://host`, `https://host`, with a path before `/api/v1` where a proxy adds one; or a whole
   * endpoint, which ends with `/ws`. Default: the page's own origin.
   */
  url?: string | URL;
  /** The one device of the connection. Left out: the fleet endpoint, where each subscription says which devices. */
  device?: string;
  /** A token (JWT), or what gives one. Left out: none is sent. */
  token?: string | TokenCallback;
  /** How long before its end a token is renewed, in ms; never before half of its life is over. Default 30 000. */
  refreshBefore?: number;
  /** Backoff in ms: a wait is at random between 0 and min × 2^attempt, at most max; what the server asks for is added. */
  minDelay?: number; // 500
  maxDelay?: number; // 30 000
  /** ms without any message after which the gateway is asked for a sign of life. Default 25 000. */
  pingInterval?: number;
  /** ms to wait for that sign. Default 10 000. */
  pongTimeout?: number;
  /** ms from opening a socket to `connected`. Default 10 000. */
  connectTimeout?: number;
  /**
   * What to do in a hidden tab: `pause` unsubscribes and, once the tab is seen again, gets what was missed; `slow` goes
   * on with `hiddenRate` messages a second of each channel; `ignore` changes nothing. Default `pause`.
   */
  hidden?: 'pause' | 'slow' | 'ignore';
  /** ms for which a tab must be hidden before that. Default 5 000. */
  hiddenAfter?: number;
  /** Messages a second, of `slow`: 0.01 to 1 000. Default 0.1. */
  hiddenRate?: number;
  /** Default: the global one. Node 18 and 20 have none: give that of package `ws`. */
  WebSocket?: WebSocketConstructor;
}

export type MessageOf<C extends Channel> = C extends BuiltInChannel
  ? Extract<ServerMessage, { type: C }>
  : PassThroughMessage;

/** Made by the client: an iterator was read too slowly, and `dropped` messages fell out of its queue here. */
export interface OverflowMessage {
  type: 'overflow';
  dropped: number;
}

/** How things stand with a device, as far as this client knows. */
export interface DeviceStatus {
  /** As it was subscribed; empty on a connection of one device. */
  device: string;
  /**
   * `reconnecting`: we have no connection; `stale`: it reports nothing, since `since`; `unknown`: nothing is known of
   * it; `live`: everything else.
   */
  state: 'live' | 'stale' | 'unknown' | 'reconnecting';
  since?: string;
  /** `down`: live messages may be missing; what is missed comes later, or is named by a `gap`. */
  bus: 'up' | 'down';
  database: 'up' | 'down';
}

export type Handlers<C extends Channel> = { [K in Exclude<C, 'gap' | 'status'>]?: (message: MessageOf<K>) => void } & {
  /** Messages of these channels are missing, for the time from `data.from` to `data.to`. */
  gap?: (gap: GapMessage) => void;
  /** At once, and whenever it changes. */
  status?: (status: DeviceStatus) => void;
};

export interface SubscribeOptions<C extends Channel> {
  channels: readonly C[];
  /** On the fleet endpoint: whose. UUIDs. */
  devices?: string | readonly string[];
  /** At most so many messages a second of each channel and device. */
  maxRate?: number;
  /** In which form `history` comes. */
  history?: HistoryForm;
  /** Where to begin: a cursor (`Subscription.cursor()` of an earlier page), one for each device, or an ISO 8601 time. */
  since?: string | Readonly<Record<string, string>>;
  /** False: after a reconnect the latest value will do, and nobody wants what was missed. Default true. */
  resume?: boolean;
  /** Messages that an iterator may be behind, 1 and more. Default 256. */
  queue?: number;
  /**
   * What happens beyond `queue`. `drop-oldest`: the oldest are dropped, and an `overflow` message stands in their
   * place. `conflate`: of each device and channel only the newest waits, however long the reader takes; that of
   * `history` in `append` form, of which each message counts, is queued as with `drop-oldest`.
   */
  overflow?: 'drop-oldest' | 'conflate';
}

export interface HistoryQuery {
  /** On the fleet endpoint: whose. */
  device?: string;
  /** A Date, ms since 1970, or ISO 8601; `from` inclusive, `to` (default: now) exclusive. */
  from: Date | number | string;
  to?: Date | number | string;
  /** 1 to 2 000, default 300. */
  points?: number;
  downsample?: Downsample;
  /** ms, over reconnects. Default 30 000. */
  timeout?: number;
  signal?: AbortSignal;
}

/** For tokens with the scope `debug`: the past again, on this connection alone. Answers come as `replay` events. */
export interface ReplayQuery {
  device?: string;
  from: Date | number | string;
  /** Default: now. */
  to?: Date | number | string;
  /** 1 (default): as it was. */
  speed?: number;
  /** Default: both. */
  channels?: ('metrics' | 'history')[];
  /** Whether live messages wait for the end (`hold`, default), or come in between. */
  live?: 'hold' | 'mix';
  /** Default `replay`. */
  id?: string;
}

/**
 * `idle`: not connected yet. `connecting`: the first time. `live`: connected. `reconnecting`: between two connections.
 * `failed`: given up, for a reason that waiting does not mend; `connect()` tries again. `closed`: by `close()`, for good.
 */
export type State = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'failed' | 'closed';

export interface StateEvent {
  state: State;
  /** Of the connection that has ended. */
  code?: number;
  reason?: string;
  /** ms until the next attempt, while `reconnecting`. */
  retryIn?: number;
}

export interface Events {
  state: StateEvent;
  status: DeviceStatus;
  gap: GapMessage;
  error: PulsegateError;
  /** Every message of the server, also those that have a handler. */
  message: ServerMessage | PassThroughMessage;
  /** Every command to the server, as it is sent; tokens are left out. */
  command: ClientCommand;
  /** What was published to all clients of a device: whatever has no subscription of ours and no type of the protocol. */
  broadcast: Record<string, unknown>;
  /** `replay-begin`, the messages of the past, `replay-end`. They reach no other handler. */
  replay: ReplayBeginMessage | ReplayEndMessage | MetricsMessage | HistoryMessage;
}

/** `code`: one of the protocol, or of the client's own. */
export type ClientErrorCode = 'token-refused' | 'token-failed' | 'bad-url' | 'closed' | 'timeout' | `close-${number}`;

/** What the gateway refused, or why the client has given up. */
export class PulsegateError extends Error {
  constructor(
    /** A word of the protocol (`proto/README.md`, "Error codes"), or of the client. */
    readonly code: ErrorCode | ClientErrorCode,
    message: string,
    /** True: the client has given up. */
    readonly fatal = false,
    readonly deviceUuid?: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'PulsegateError';
  }
}
