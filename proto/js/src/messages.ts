// What travels over the WebSocket, as types: proto/README.md has the tables that they follow.

export type BuiltInChannel = 'metrics' | 'history' | 'processes' | 'system-info' | 'network-interfaces';
/** A built-in channel, or one that the operator passes through verbatim (`--channel`). */
export type Channel = BuiltInChannel | (string & {});

/** Every code with which the gateway closes a WebSocket. */
export type CloseCode =
  | 1000 | 1001 | 1002 | 1003 | 1007 | 1008 | 1009 | 1011 | 1012 | 1013
  | 4400 | 4401 | 4403 | 4404 | 4408 | 4429 | 4508;

export type ErrorCode =
  | 'malformed-json' | 'too-deep' | 'not-an-object' | 'missing-type' | 'unknown-type' | 'invalid-channels'
  | 'too-many-channels' | 'unknown-channel' | 'bad-since' | 'bad-max-rate' | 'bad-history' | 'bad-query'
  | 'query-open' | 'bad-replay' | 'replay-open' | 'too-many-replays' | 'binary-message' | 'rate-limited' | 'too-many-connections' | 'missing-device'
  | 'too-many-devices' | 'device-limit' | 'unauthorized' | 'token-expired' | 'token-revoked' | 'forbidden'
  | 'bad-request' | 'invalid-device' | 'not-found' | 'upgrade-required' | 'unavailable' | 'timed-out' | 'internal';

export interface Limits {
  maxMessageBytes: number;
  commandsPerSecond: number;
  /** Of the fleet endpoint only. */
  maxDevices?: number;
}

export interface ConnectedMessage {
  type: 'connected';
  data: { deviceUuid?: string; timestamp: string; protocol: number; connectionId: string; limits: Limits };
  deviceUuid?: string;
  timestamp: string;
}
export interface SubscribedMessage { type: 'subscribed'; channel: Channel; deviceUuid: string; resumed?: boolean }
export interface UnsubscribedMessage { type: 'unsubscribed'; channel: Channel; deviceUuid: string }

/** As the API server published them; which of them there are is up to it. Bytes, percent, degrees Celsius. */
export interface Metrics {
  cpu_usage?: number | null;
  cpu_temp?: number | null;
  memory_usage?: number | null;
  memory_total?: number | null;
  storage_usage?: number | null;
  storage_total?: number | null;
  network_rx?: number | null;
  network_tx?: number | null;
  [name: string]: unknown;
}
interface Value {
  deviceUuid: string;
  timestamp: string;
  replay?: true;
  /** W3C Trace Context of the event that the message was made of, where the gateway passes it on (`--trace-context`). */
  traceparent?: string;
  tracestate?: string;
}
export interface MetricsMessage extends Value { type: 'metrics'; data: Metrics; cursor?: string }

export interface CpuPoint { time: string; value: number; timestamp: string }
/** MiB. */
export interface MemoryPoint { time: string; used: number; available: number; timestamp: string }
export interface NetworkPoint { time: string; download: number; upload: number; timestamp: string }
export interface HistoryData { cpu: CpuPoint[]; memory: MemoryPoint[]; network: NetworkPoint[] }
export interface HistoryMessage extends Value {
  type: 'history';
  data: HistoryData;
  /** `replace`: these are all points; `append`: these follow those you have. */
  mode: 'replace' | 'append';
  cursor?: string;
}
export interface HistoryResultMessage {
  type: 'history-result';
  id: string | number;
  deviceUuid: string;
  data: HistoryData;
}
export interface ProcessesMessage extends Value { type: 'processes'; data: { top_processes: unknown } }
export interface NetworkInterfacesMessage extends Value { type: 'network-interfaces'; data: { interfaces: unknown } }
export interface SystemInfoMessage extends Value {
  type: 'system-info';
  data: {
    os: string | null;
    architecture: string | null;
    uptime: number | null;
    hostname: string | null;
    ipAddress: string | null;
    macAddress: string | null;
  };
}
export interface PongMessage { type: 'pong'; data: { timestamp: string }; deviceUuid?: string; timestamp: string }
export interface StatusMessage {
  type: 'status';
  deviceUuid: string;
  data: { bus?: 'up' | 'down'; database?: 'up' | 'down'; device?: 'live' | 'stale' | 'unknown'; since?: string };
}
export interface GapMessage {
  type: 'gap';
  deviceUuid: string;
  data: { from: string; to: string; channels: Channel[]; reason: 'resume' | 'bus' | 'conflated' };
}
export interface AuthenticatedMessage { type: 'authenticated'; data: { expires: string | null }; id?: string | number }
export interface ErrorMessage {
  type: 'error';
  data: { code: ErrorCode; message: string };
  deviceUuid?: string;
  id?: string | number;
}
export interface ReplayBeginMessage {
  type: 'replay-begin';
  id?: string | number;
  deviceUuid: string;
  data: { from: string; to: string; speed: number; live: 'hold' | 'mix'; channels: Channel[] };
}
export interface ReplayEndMessage {
  type: 'replay-end';
  id?: string | number;
  deviceUuid: string;
  /** `events` samples were shown, all that there were before `until`. */
  data: { reason: 'done' | 'stopped' | 'unavailable' | 'forbidden'; events: number; until: string };
}
export interface ReconnectMessage { type: 'reconnect'; data: { after_ms: number } }

/** Everything that the server sends, but for broadcasts, which come as they were published. */
export type ServerMessage =
  | ConnectedMessage | SubscribedMessage | UnsubscribedMessage | MetricsMessage | HistoryMessage
  | HistoryResultMessage | ProcessesMessage | NetworkInterfacesMessage | SystemInfoMessage | PongMessage
  | ReplayBeginMessage | ReplayEndMessage | StatusMessage | GapMessage | AuthenticatedMessage | ErrorMessage | ReconnectMessage;

export type Downsample = 'lttb' | 'minmax' | 'mean';
export interface HistoryForm {
  points?: number;
  /** `"90s"`, `"15m"`, `"2h"`, `"7d"`, or a number of seconds. */
  window?: string | number;
  mode?: 'replace' | 'append';
  downsample?: Downsample;
}
interface OfDevices { deviceUuid?: string; deviceUuids?: string[] }
export interface SubscribeCommand extends OfDevices {
  type: 'subscribe';
  channels: Channel[];
  since?: string | Record<string, string>;
  history?: HistoryForm;
  maxRate?: number;
  id?: string | number;
}
export interface UnsubscribeCommand extends OfDevices { type: 'unsubscribe'; channels: Channel[]; id?: string | number }
export interface ReplayCommand {
  type: 'replay';
  deviceUuid?: string;
  from: string | number;
  to?: string | number;
  speed?: number;
  channels?: ('metrics' | 'history')[];
  live?: 'hold' | 'mix';
  id?: string | number;
}
export interface ReplayStopCommand { type: 'replay-stop'; deviceUuid?: string; id?: string | number }
export interface PingCommand { type: 'ping'; id?: string | number }
export interface AuthCommand { type: 'auth'; token: string; id?: string | number }
export interface HistoryQueryCommand {
  type: 'history-query';
  id: string | number;
  deviceUuid?: string;
  from: string | number;
  to?: string | number;
  points?: number;
  downsample?: Downsample;
}
export type ClientCommand =
  | SubscribeCommand | UnsubscribeCommand | PingCommand | AuthCommand | HistoryQueryCommand | ReplayCommand
  | ReplayStopCommand;
