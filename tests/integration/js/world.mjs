// What the cases stand on: private servers, gateways and proxies that a case may kill, clients, and who reports what.
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { checkCommand, checkMessage } from '../../contract/contract.mjs';

const PACKAGE = pathToFileURL(process.env.PULSEGATE_CLIENT + '/');
const { PulsegateClient } = await import(new URL('dist/pulsegate-client.min.js', PACKAGE));
const { WebSocket } = await import(new URL('node_modules/ws/wrapper.mjs', PACKAGE));
export { WebSocket, sleep };

/** As a browser's: with an Origin, so that refusals are close codes. */
export class BrowserSocket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { origin: 'http://dash.example' });
  }
}

const files = mkdtempSync(join(tmpdir(), 'pulsegate-js-'));
const children = new Set();
const clients = new Set();
const started = new Set(); // gateways and proxies that run
const broken = []; // what travelled against the contract
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(files, { recursive: true, force: true });
});

function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

async function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

export async function eventually(what, fact, seconds = 40) {
  const deadline = Date.now() + seconds * 1000;
  while (!(await fact())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(20);
  }
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export class Servers {
  #child = start('/usr/bin/python3', ['-B', fileURLToPath(new URL('servers.py', import.meta.url))]);
  #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  #turn = Promise.resolve();

  async start() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the servers do not start');
    Object.assign(this, JSON.parse(value));
    return this;
  }

  /** In order; done when all of it is published and stored. */
  report(reports) {
    return (this.#turn = this.#turn.then(async () => {
      this.#child.stdin.write(JSON.stringify(reports) + '\n');
      if ((await this.#lines.next()).done) throw new Error('the servers have ended');
    }));
  }

  async stop() {
    this.#child.stdin.end();
    await once(this.#child, 'exit');
  }
}

export class Gateway {
  constructor(servers, args = []) {
    this.args = ['--redis', servers.redis, '--database', servers.database, ...args];
  }

  /** On the port that it had before, if any. */
  async start() {
    this.port ??= await freePort();
    this.child = start(process.env.PULSEGATE_BINARY, ['serve', '--listen', `127.0.0.1:${this.port}`, '--health', '127.0.0.1:0',
      '--admin', '127.0.0.1:0', '--log-format', 'json', ...this.args], { stdio: ['ignore', 'pipe', 'pipe'] });
    started.add(this);
    this.log = '';
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (text) => (this.log += text));
    await eventually('the gateway serves', () => {
      if (this.child.exitCode !== null) throw new Error(`the gateway has ended:\n${this.log}`);
      return this.log.includes('"event":"serving"');
    });
    return this;
  }

  async end(signal) {
    started.delete(this);
    await end(this.child, signal);
  }
}

/** The demo's publisher: this host's metrics and states, and made-up neighbours', of all `devices`. */
export class Publisher {
  constructor(servers, devices, args = []) {
    this.args = ['--redis', servers.redis, '--database', servers.database, ...devices.flatMap((device) => ['--device', device]), ...args];
  }
  async start() {
    this.child = start('/usr/bin/python3', ['-B', fileURLToPath(new URL('../../../deploy/demo/publisher.py', import.meta.url)), ...this.args],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    started.add(this);
    let log = '';
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (text) => (log += text));
    await eventually('the publisher publishes', () => {
      if (this.child.exitCode !== null) throw new Error(`the publisher has ended:\n${log}`);
      return log.includes('publishing');
    });
    return this;
  }
  async end(signal) {
    started.delete(this);
    await end(this.child, signal);
  }
}

/** A haproxy before gateways, that cuts what is silent for `idle`. */
export class Proxy {
  constructor(gateways, idle) {
    this.gateways = gateways;
    this.idle = idle;
  }
  async start() {
    this.port = await freePort();
    const file = join(files, `haproxy-${this.port}.cfg`);
    writeFileSync(file, `
defaults
  mode http
  timeout connect 1s
  timeout client ${this.idle}
  timeout server ${this.idle}
  timeout tunnel ${this.idle}
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response 503
listen gateways
  bind 127.0.0.1:${this.port}
${this.gateways.map(({ port }, i) => `  server gateway${i} 127.0.0.1:${port}`).join('\n')}
`);
    this.child = start('haproxy', ['-q', '-db', '-f', file], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
    started.add(this);
    await eventually('haproxy serves', async () => {
      if (this.child.exitCode !== null) throw new Error('haproxy has ended');
      return (await fetch(`http://127.0.0.1:${this.port}/`).catch(() => null)) !== null;
    });
    return this;
  }
  async end(signal) {
    started.delete(this);
    await end(this.child, signal);
  }
}

/** A client with short waits; `states` are its state events, `gaps` and `errors` what it was told. */
export function connect(port, options = {}) {
  const client = new PulsegateClient({ url: `ws://127.0.0.1:${port}`, WebSocket, minDelay: 100, maxDelay: 1000, ...options });
  const seen = { client, states: [], gaps: [], errors: [], commands: [], onPurpose: () => false };
  client.on('state', (event) => seen.states.push(event));
  client.on('gap', (gap) => seen.gaps.push(gap));
  client.on('error', (error) => seen.errors.push(error));
  client.on('command', (command) => seen.commands.push(command));
  // What travels is held against proto/schemas, and what is wrong fails the case in endAll(). `seen.onPurpose` names commands that are.
  client.on('message', (message) => hold(checkMessage, message));
  client.on('command', (command) => seen.onPurpose(command) || hold(checkCommand, command));
  clients.add(client);
  return seen;
}
export const connections = ({ states }) => states.filter(({ state }) => state === 'live').length;
/** A listener that throws would end the process, not the case. */
function hold(check, said) {
  try {
    check(said);
  } catch (error) {
    broken.push(error);
  }
}
/** After each case: closes its clients and ends its gateways and proxies; fails where something travelled against the contract. */
export async function endAll() {
  for (const client of clients) client.close();
  clients.clear();
  await Promise.all([...started].map((each) => each.end('SIGKILL')));
  const [first] = broken.splice(0);
  if (first) throw first;
}

let devices = 0;
export const newDevice = () => `00000000-0000-4000-8000-${String(++devices).padStart(12, '0')}`;

/** Writes `text` where a program can read it. */
export function file(name, text) {
  const path = join(files, name);
  writeFileSync(path, text);
  return path;
}
export function token(secret, claims) {
  const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

/** Each device reports 1, 2, 3 … every `ms`, until `stop()`, which gives the last number. */
export function reporting(servers, names, ms) {
  let count = 0;
  let on = true;
  const done = (async () => {
    while (on) {
      const cpu = ++count / 100;
      await servers.report(names.map((device) => ({ device, cpu })));
      await sleep(ms);
    }
  })();
  return {
    get count() {
      return count;
    },
    async stop() {
      on = false;
      await done;
      return count;
    },
  };
}
