// What the unit tests share: a client on fake sockets and a fake clock, for the time of one test.
import { PulsegateClient } from '../dist/index.js';
import { Clock, sockets } from './fakes.mjs';

export * from './fakes.mjs';

/** `run({clock, made, client, states, errors})`: `client(options)` makes one; all are closed in the end. */
export async function world(run) {
  const clock = new Clock().install();
  const { WebSocket, made } = sockets();
  const clients = [];
  const states = [];
  const errors = [];
  const client = (options = {}) => {
    const one = new PulsegateClient({ url: 'ws://gateway', WebSocket, ...options });
    one.on('state', (event) => states.push(event));
    one.on('error', (error) => errors.push(error));
    clients.push(one);
    return one;
  };
  try {
    await run({ clock, made, client, states, errors });
  } finally {
    for (const one of clients) one.close();
    clock.uninstall();
  }
}

/** What the package does not export. */
export async function internals() {
  const { build } = await import('esbuild');
  const { fileURLToPath } = await import('node:url');
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../src/slots.ts', import.meta.url))], bundle: true, format: 'esm', write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}
