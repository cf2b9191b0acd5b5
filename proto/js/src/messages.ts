// What travels over the WebSocket, as types. Written by proto/generate from proto/schemas: change those.

/** A channel that every gateway has. */
export type BuiltInChannel = 'metrics' | 'history' | 'processes' | 'system-info' | 'network-interfaces';

/** A built-in channel, or one that the operator passes through verbatim (`--channel`). */
export type Channel = BuiltInChannel | (string & {});

/** Every code with which the gateway closes a WebSocket. */
export type CloseCode =
  | 1000 | 1001 | 1002 | 1003 | 1007 | 1008 | 1009 | 1011 | 1012 | 1013 | 4400 | 4401 | 4403 | 4404 | 4408 | 4429 | 4508;

/** What was wrong, of an `error` message and of an HTTP answer. */
export type ErrorCode =
  | 'malformed-json' | 'too-deep' | 'not-an-object' | 'missing-type' | 'unknown-type' | 'invalid-channels' | 'too-many-channels'
  | 'unknown-channel' | 'bad-since' | 'bad-max-rate' | 'bad-history' | 'bad-query' | 'query-open' | 'bad-replay' | 'replay-open'
  | 'too-many-replays' | 'binary-message' | 'rate-limited' | 'too-many-connections' | 'missing-device' | 'too-many-devices'
  | 'device-limit' | 'unauthorized' | 'token-expired' | 'token-revoked' | 'forbidden' | 'bad-request' | 'invalid-device'
  | 'not-found' | 'upgrade-required' | 'unavailable' | 'timed-out' | 'internal';

/** What one connection may do. */
export interface Limits {
  /** The longest command, in bytes (`--max-message-size`). */
  maxMessageBytes: number;
  /** Commands a second, on average (`--command-rate`). */
  commandsPerSecond: number;
  /** Devices of one connection; of the fleet endpoint only (`--max-fleet-devices`). */
  maxDevices?: number;
}

/**
 * As the API server published them, verbatim; which of them there are is up to it, and other members may stand beside them.
 * Bytes, percent, degrees Celsius.
 */
export interface Metrics {
  /** Percent. */
  cpu_usage?: number | null;
  /** Degrees Celsius. */
  cpu_temp?: number | null;
  /** Bytes. */
  memory_usage?: number | null;
  /** Bytes. */
  memory_total?: number | null;
  /** Bytes. */
  storage_usage?: number | null;
  /** Bytes. */
  storage_total?: number | null;
  /** Bytes. */
  network_rx?: number | null;
  /** Bytes. */
  network_tx?: number | null;
  [name: string]: unknown;
}

/** One sample of the CPU chart. */
export interface CpuPoint {
  time: string;
  /** Percent, rounded. */
  value: number;
  timestamp: string;
}

/** One sample of the memory chart, in MiB, rounded. */
export interface MemoryPoint {
  time: string;
  /** MiB. */
  used: number;
  /** MiB. */
  available: number;
  timestamp: string;
}

/** One sample of the network chart, as the device reported it. */
export interface NetworkPoint {
  time: string;
  /** Bytes. */
  download: number;
  /** Bytes. */
  upload: number;
  timestamp: string;
}

/** Three charts, oldest point first. */
export interface HistoryData { cpu: CpuPoint[]; memory: MemoryPoint[]; network: NetworkPoint[] }

/** `replace`: these are all points; `append`: these follow those you have. */
export type HistoryMode = 'replace' | 'append';

/** `lttb` keeps the shape and its spikes, `minmax` every extreme, `mean` smooths. */
export type Downsample = 'lttb' | 'minmax' | 'mean';

/**
 * How the channel `history` shall come. `points` alone: the newest samples; `window` alone: all that it spans, in at most 2 000
 * points; both: the span in that many points.
 */
export interface HistoryForm {
  points?: number;
  /** `"90s"`, `"15m"`, `"2h"`, `"7d"` (also `ms`), or a number of seconds: 1 s to 3 653 days. */
  window?: string | number;
  mode?: HistoryMode;
  downsample?: Downsample;
}

/** The first message of every connection. */
export interface ConnectedMessage {
  type: 'connected';
  data: {
    /** The device as the client wrote it. Not on the fleet endpoint. */
    deviceUuid?: string;
    timestamp: string;
    /** The version of this protocol. */
    protocol: 1;
    /** Names the connection in the logs and at the admin port. */
    connectionId: string;
    limits: Limits;
  };
  /** Not on the fleet endpoint. */
  deviceUuid?: string;
  /** The gateway's clock. */
  timestamp: string;
}

/**
 * Answers a `subscribe`, once for each channel (and device). What is published after it is delivered; the snapshot follows it.
 */
export interface SubscribedMessage {
  type: 'subscribed';
  channel: Channel;
  deviceUuid: string;
  /**
   * Only after a `since`: whether all that came after it follows. What `false` leaves out is named by a `gap`, and the latest
   * value follows.
   */
  resumed?: boolean;
}

/** Answers an `unsubscribe`, once for each channel (and device): nothing of it follows. */
export interface UnsubscribedMessage { type: 'unsubscribed'; channel: Channel; deviceUuid: string }

/** One sample of a device, as soon as it was published. */
export interface MetricsMessage {
  type: 'metrics';
  /** The metrics object, verbatim; of a sample that only the table has, its columns. */
  data: Metrics;
  deviceUuid: string;
  /** The value's own time: the event's, by its publisher's clock; of a value that the database alone has, the row's. */
  timestamp: string;
  /** This sample, for `since`. Not of a replay. */
  cursor?: string;
  /** The trace of the event (W3C Trace Context), where the gateway passes it on. */
  traceparent?: string;
  /** Goes with `traceparent`. */
  tracestate?: string;
  /** It belongs to a replay. */
  replay?: true;
}

/** The charts of the channel `history`: a window, or what follows it. */
export interface HistoryMessage {
  type: 'history';
  data: HistoryData;
  deviceUuid: string;
  /** Of the newest point. */
  timestamp: string;
  /** `replace`: these are all points; `append`: these follow those you have. A client obeys it in each message. */
  mode: HistoryMode;
  /** Of the newest sample; not where only the table has any, and not of a replay. */
  cursor?: string;
  /** It belongs to a replay. */
  replay?: true;
}

/** Answers a `history-query`. */
export interface HistoryResultMessage {
  type: 'history-result';
  /** As the query has it. */
  id: string | number;
  deviceUuid: string;
  /** As in `history`; its charts may differ in length and be empty. */
  data: HistoryData;
}

/** The processes that the device reported last. */
export interface ProcessesMessage {
  type: 'processes';
  data: {
    /** As the API server published it, verbatim: mostly an array of `{pid,name,cpu,mem,command}`. */
    top_processes: unknown;
  };
  deviceUuid: string;
  /** The value's own time: the event's, by its publisher's clock; of a value that the database alone has, the row's. */
  timestamp: string;
  /** The trace of the event (W3C Trace Context), where the gateway passes it on. */
  traceparent?: string;
  /** Goes with `traceparent`. */
  tracestate?: string;
}

/** The network interfaces that the device reported last. */
export interface NetworkInterfacesMessage {
  type: 'network-interfaces';
  data: {
    /** As the API server published it, verbatim: mostly an array of `{name,type,ip4,ip6,mac,operstate}`. */
    interfaces: unknown;
  };
  deviceUuid: string;
  /** The value's own time: the event's, by its publisher's clock; of a value that the database alone has, the row's. */
  timestamp: string;
  /** The trace of the event (W3C Trace Context), where the gateway passes it on. */
  traceparent?: string;
  /** Goes with `traceparent`. */
  tracestate?: string;
}

/** What is known of the system, each value as the newest report has it; null where nothing is. */
export interface SystemInfoMessage {
  type: 'system-info';
  data: {
    /** Name and version. */
    os: string | null;
    /** Of the processor. */
    architecture: string | null;
    /** Seconds. */
    uptime: number | null;
    /** Of the device. */
    hostname: string | null;
    /** Of the device. */
    ipAddress: string | null;
    /** Of the device. */
    macAddress: string | null;
  };
  deviceUuid: string;
  /** The value's own time: the event's, by its publisher's clock; of a value that the database alone has, the row's. */
  timestamp: string;
  /** The trace of the event (W3C Trace Context), where the gateway passes it on. */
  traceparent?: string;
  /** Goes with `traceparent`. */
  tracestate?: string;
}

/** Answers a `ping`. */
export interface PongMessage {
  type: 'pong';
  data: { timestamp: string };
  /** Not on the fleet endpoint. */
  deviceUuid?: string;
  /** The gateway's clock. */
  timestamp: string;
}

/** How things stand from now on, to each client once per change. */
export interface StatusMessage {
  type: 'status';
  deviceUuid: string;
  /** Those that changed. */
  data: {
    /** `down`: live messages may be missing; `up`: they are complete again. */
    bus?: 'up' | 'down';
    /** `down`: snapshots cannot be read; `up`: they can again. */
    database?: 'up' | 'down';
    /**
     * `unknown`: neither rows nor events of it are known; `stale`: it has reported nothing since `since`; `live`: it reports
     * again.
     */
    device?: 'live' | 'stale' | 'unknown';
    /** Of `device`: the last sign of life, or the report that ended the silence. */
    since?: string;
  };
}

/** Names the channels of which messages may be missing between two times, and why. */
export interface GapMessage {
  type: 'gap';
  deviceUuid: string;
  data: {
    from: string;
    to: string;
    channels: Channel[];
    /**
     * `resume`: what came after `since` was not found; `bus`: lost on the way to the gateway; `conflated`: the client read too
     * slowly.
     */
    reason: 'resume' | 'bus' | 'conflated';
  };
}

/** Answers `auth`. */
export interface AuthenticatedMessage {
  type: 'authenticated';
  data: {
    /** Until when the new token holds; null where nobody is asked for one. */
    expires: string | null;
  };
  id?: string | number;
}

/** A command could not be carried out, or not all of it; or why the connection is closed next. */
export interface ErrorMessage {
  type: 'error';
  data: {
    code: ErrorCode;
    /** One sentence for the developer of the client. */
    message: string;
  };
  /** Of the fleet endpoint, where it is about one device. */
  deviceUuid?: string;
  /** Of the command, where it could be read. */
  id?: string | number;
}

/** Answers `replay`: what follows is the past, up to `replay-end`. */
export interface ReplayBeginMessage {
  type: 'replay-begin';
  id?: string | number;
  deviceUuid: string;
  data: {
    from: string;
    to: string;
    speed: number | 'max';
    live: 'hold' | 'mix';
    channels: ('metrics' | 'history')[];
  };
}

/** A replay is over. */
export interface ReplayEndMessage {
  type: 'replay-end';
  id?: string | number;
  deviceUuid: string;
  data: {
    /**
     * `done`; `stopped` by `replay-stop`; `unavailable`: stream or table could not be read; `forbidden`: a new token does not
     * allow it.
     */
    reason: 'done' | 'stopped' | 'unavailable' | 'forbidden';
    /** Samples that were shown: all that there were before `until`. */
    events: number;
    /** From there another replay goes on. */
    until: string;
  };
}

/** Come back, but no sooner: before a close with 1012 or 1013. */
export interface ReconnectMessage {
  type: 'reconnect';
  data: {
    /** Milliseconds: at most 1 000 before 1012; 5 000 to 15 000, at random, before 1013. */
    after_ms: number;
  };
}

/** A message of a channel that the operator passes through (`--channel`): its `type` is the name of the channel. */
export interface PassThroughMessage {
  type: string;
  /** What was published on `device:<uuid>:<channel>`, any JSON value, verbatim. */
  data: unknown;
  deviceUuid: string;
  /** The value's own time: the event's, by its publisher's clock; of a value that the database alone has, the row's. */
  timestamp: string;
  /** The trace of the event (W3C Trace Context), where the gateway passes it on. */
  traceparent?: string;
  /** Goes with `traceparent`. */
  tracestate?: string;
}

/**
 * What was published for all clients of a device, or sent by the admin port, verbatim. Which types there are is up to the
 * publisher.
 */
export interface BroadcastMessage { type: string; [name: string]: unknown }

/** Everything that the server sends under names of its own: but for broadcasts, and channels that are passed through. */
export type ServerMessage =
  | ConnectedMessage | SubscribedMessage | UnsubscribedMessage | MetricsMessage | HistoryMessage | HistoryResultMessage
  | ProcessesMessage | NetworkInterfacesMessage | SystemInfoMessage | PongMessage | StatusMessage | GapMessage
  | AuthenticatedMessage | ErrorMessage | ReplayBeginMessage | ReplayEndMessage | ReconnectMessage;

/** Asks for channels of a device. Each is answered by `subscribed`, then the latest value, then what is live. */
export interface SubscribeCommand {
  type: 'subscribe';
  /** 1 to 64 names. */
  channels: Channel[];
  /** @deprecated One name, in place of `channels`, as older clients say it. */
  channel?: Channel;
  /** Of the fleet endpoint, where one of `deviceUuid` and `deviceUuids` is needed: the device that it is about. */
  deviceUuid?: string;
  /** Of the fleet endpoint: the devices that it is about, at most 1 024. */
  deviceUuids?: string[];
  /**
   * Resume after this: the `cursor` of the last message that was seen, or a time. On the fleet endpoint one for all devices, or
   * an object with one for each, by UUID.
   */
  since?: string | Record<string, string>;
  /** How the channel `history` shall come; left out: the newest 30 points, `replace`. */
  history?: HistoryForm;
  /** At most so many messages a second of each channel: from 0.01 to 1 000. The latest wins. */
  maxRate?: number;
  id?: string | number;
}

/** Ends subscriptions. Each channel is answered by `unsubscribed`. */
export interface UnsubscribeCommand {
  type: 'unsubscribe';
  /** 1 to 64 names. */
  channels: Channel[];
  /** @deprecated One name, in place of `channels`, as older clients say it. */
  channel?: Channel;
  /** Of the fleet endpoint, where one of `deviceUuid` and `deviceUuids` is needed: the device that it is about. */
  deviceUuid?: string;
  /** Of the fleet endpoint: the devices that it is about, at most 1 024. */
  deviceUuids?: string[];
  id?: string | number;
}

/** Asks for a `pong`. */
export interface PingCommand { type: 'ping'; id?: string | number }

/** A new token in the place of that which the connection was opened with. Answered by `authenticated`. */
export interface AuthCommand {
  type: 'auth';
  /** A JWT: a secret. */
  token: string;
  id?: string | number;
}

/** A question about the past, answered by `history-result`. One at a time. */
export interface HistoryQueryCommand {
  type: 'history-query';
  id: string | number;
  /** Of the fleet endpoint, where it is needed. */
  deviceUuid?: string;
  /** Inclusive. ISO 8601, or milliseconds since 1970. */
  from: string | number;
  /** Exclusive, not before `from` and at most 3 653 days after it; left out: now. */
  to?: string | number;
  /** At most so many points of each chart: 1 to 2 000; left out: 300. */
  points?: number;
  /** How points are left out; left out: `lttb`. */
  downsample?: Downsample;
}

/**
 * "Show me that minute again": the past of a device on this connection, for tokens with the scope `debug`. Answered by
 * `replay-begin`, samples, `replay-end`.
 */
export interface ReplayCommand {
  type: 'replay';
  /** Of the fleet endpoint, where it is needed. */
  deviceUuid?: string;
  /** Inclusive. ISO 8601, or milliseconds since 1970. */
  from: string | number;
  /** Exclusive, after `from`; left out: now. */
  to?: string | number;
  /** From 0.1 to 1 000, times as fast as it was, or `"max"`; left out: 1. */
  speed?: number | 'max';
  /** Left out: both. */
  channels?: ('metrics' | 'history')[];
  /**
   * What becomes of the device's live messages meanwhile: `hold` (also when left out): they wait for the end; `mix`: they come
   * as ever.
   */
  live?: 'hold' | 'mix';
  id?: string | number;
}

/** Ends the replay of this connection. */
export interface ReplayStopCommand {
  type: 'replay-stop';
  /** Of the fleet endpoint. */
  deviceUuid?: string;
  id?: string | number;
}

/** Everything that a client may send. */
export type ClientCommand =
  | SubscribeCommand | UnsubscribeCommand | PingCommand | AuthCommand | HistoryQueryCommand | ReplayCommand | ReplayStopCommand;

/**
 * The answer to `GET /api/v1/devices/{uuid}/snapshot`: of every channel that the token names the whole message that a WebSocket
 * would get now, or null where nothing is known.
 */
export interface SnapshotBody {
  deviceUuid: string;
  /** Now, by the clock of the gateway. */
  timestamp: string;
  metrics?: MetricsMessage | null;
  'system-info'?: SystemInfoMessage | null;
  processes?: ProcessesMessage | null;
  history?: HistoryMessage | null;
  'network-interfaces'?: NetworkInterfacesMessage | null;
  /** How things stand. */
  status: {
    bus: 'up' | 'down';
    /** `none`: the gateway has none. */
    database: 'up' | 'down' | 'none';
    device: 'live' | 'stale' | 'unknown';
    /** Of a `stale` device: its last sign of life. */
    since?: string;
  };
  [name: string]: unknown;
}

/** The answer to `GET /api/v1/devices/{uuid}/history`: the points of a `history-query`. */
export interface HistoryBody { deviceUuid: string; from: string; to: string; data: HistoryData }

/** The answer to a request, or a handshake, that is refused. */
export interface ErrorBody {
  error: {
    code: ErrorCode;
    /** One sentence. */
    message: string;
  };
}
