// The table of close codes: proto/close_code.cpp is where it comes from, and a test compares the two.

/** After these waiting does not help: what was asked for must change first. */
const FINAL: ReadonlySet<number> = new Set([1000, 1002, 1003, 1007, 1008, 1009, 4400, 4403, 4404]);
const AFTER: Readonly<Record<number, number>> = {
  1001: 1000, 1011: 1000, 1012: 1000, 1013: 5000, 4429: 10000, 4508: 5000,
};

export interface CloseRule {
  /** May the client come back as it is? 4401: with another token. */
  reconnect: boolean;
  /** Then not earlier than after so many ms, plus jitter. */
  after: number;
}

/** Codes that are not in the table are of the network, or of a proxy: come back, with backoff. */
export function closeRule(code: number): CloseRule {
  return { reconnect: !FINAL.has(code) && code !== 4401, after: AFTER[code] ?? 0 };
}

/** The close code with the meaning of an HTTP status, where a WebSocket of Node shows it in the text of its error. */
export function codeOfStatus(text: string): number | undefined {
  const status = Number(/response: (\d+)/.exec(text)?.[1]);
  return status === 503 ? 1013 : 4000 + status || undefined;
}
