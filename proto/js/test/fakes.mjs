// A clock that stands still until it is told to go on, and sockets whose other end is the test.

const real = { setTimeout, clearTimeout, now: Date.now, random: Math.random, setImmediate };

/** Lets everything run that is ready. */
export const settle = () => new Promise((resolve) => real.setImmediate(resolve));

/** Invariant: while it is installed nothing but `advance()` makes time pass. */
export class Clock {
  timers = new Map();
  now = Date.parse('2026-11-22T14:05:00.000Z');
  #ids = 0;

  install() {
    globalThis.setTimeout = (run, ms = 0) => {
      this.timers.set(++this.#ids, { run, at: this.now + ms, ms });
      return this.#ids;
    };
    globalThis.clearTimeout = (id) => void this.timers.delete(id);
    Date.now = () => this.now;
    return this;
  }

  uninstall() {
    Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
    Date.now = real.now;
    Math.random = real.random;
  }

  async advance(ms) {
    const end = this.now + ms;
    await settle();
    for (;;) {
      const [id, timer] = [...this.timers].filter(([, each]) => each.at <= end).sort((a, b) => a[1].at - b[1].at)[0] ?? [];
      if (id === undefined) break;
      this.timers.delete(id);
      this.now = Math.max(this.now, timer.at);
      timer.run();
      await settle();
    }
    this.now = end;
  }
}

export const DEVICE = '3f1e0000-0000-4000-8000-000000000001';
export const OTHER = '8a020000-0000-4000-8000-000000000002';
export const LIMITS = { maxMessageBytes: 16384, commandsPerSecond: 20, maxDevices: 256 };

/** `sockets()`: a constructor for the option `WebSocket`, and what it has made. */
export function sockets() {
  const made = [];
  class FakeWebSocket {
    readyState = 0;
    onopen = this.onmessage = this.onclose = this.onerror = null;
    sent = [];
    closed = null;

    constructor(url, protocols) {
      this.url = url;
      this.protocols = protocols;
      made.push(this);
    }
    get token() {
      return this.protocols?.[1]?.slice('bearer.'.length);
    }
    get commands() {
      return this.sent.map((text) => JSON.parse(text));
    }
    /** What was sent since the last call. */
    take() {
      return this.sent.splice(0).map((text) => JSON.parse(text));
    }
    send(text) {
      if (this.readyState !== 1) throw new Error('not open');
      this.sent.push(text);
    }
    close(code) {
      this.readyState = 3;
      this.closed = code;
    }
    // The gateway's end.
    connected(limits = LIMITS) {
      this.readyState = 1;
      const timestamp = new Date(Date.now()).toISOString();
      this.say({ type: 'connected', data: { timestamp, protocol: 1, connectionId: 'c', limits }, timestamp });
    }
    say(message) {
      this.onmessage?.({ data: JSON.stringify(message) });
    }
    /** Answers every `subscribe` and `unsubscribe` that was sent since. */
    acknowledge(resumed) {
      for (const command of this.take())
        for (const deviceUuid of command.deviceUuids ?? [DEVICE])
          for (const channel of command.channels ?? [])
            this.say({ type: command.type + 'd', channel, deviceUuid, ...(command.since && { resumed: resumed ?? true }) });
    }
    metrics(cursor, deviceUuid = DEVICE) {
      this.say({ type: 'metrics', data: { cpu_usage: 1 }, deviceUuid, timestamp: new Date(Date.now()).toISOString(), cursor });
    }
    end(code, reason = '') {
      this.readyState = 3;
      this.onclose?.({ code, reason });
    }
    error(message) {
      this.onerror?.({ message });
    }
  }
  Object.defineProperty(made, 'last', { get: () => made[made.length - 1] });
  return { WebSocket: FakeWebSocket, made };
}

/** A JWT by its form, which ends at `ends` (ms). */
export function jwt(ends, more = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS256' })}.${part({ exp: ends / 1000, ...more })}.c2ln`;
}

/** A page: hidden or not. Returns what ends it. */
export function page() {
  const document = new EventTarget();
  document.hidden = false;
  const window = new EventTarget();
  const counts = { listeners: 0 };
  for (const target of [document, window]) {
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    target.addEventListener = (...args) => (counts.listeners++, addEventListener.apply(target, args));
    target.removeEventListener = (...args) => (counts.listeners--, removeEventListener.apply(target, args));
  }
  Object.assign(globalThis, {
    document,
    addEventListener: window.addEventListener,
    removeEventListener: window.removeEventListener,
  });
  return {
    counts,
    hide(hidden) {
      document.hidden = hidden;
      document.dispatchEvent(new Event('visibilitychange'));
    },
    online: () => window.dispatchEvent(new Event('online')),
    end() {
      for (const name of ['document', 'addEventListener', 'removeEventListener']) delete globalThis[name];
    },
  };
}
