// Compiled only: what the types promise to a program, and what they refuse.
import { PulsegateClient, type GapMessage, type HistoryMessage, type MetricsMessage, type OverflowMessage } from 'pulsegate-client';

const client = new PulsegateClient({ url: 'wss://gateway', token: async (refused) => (refused ? null : 'token') });

client.subscribe({ channels: ['metrics'] }, (message) => message satisfies MetricsMessage);
client.subscribe({ channels: ['metrics', 'history', 'logs'] }, {
  metrics: ({ data }) => data.cpu_usage?.toFixed(1),
  history: ({ mode }) => mode satisfies 'replace' | 'append',
  logs: ({ data }) => data as string,
  gap: ({ data }) => data.channels.join(),
  status: ({ state, since }) => `${state} ${since}`,
});
// @ts-expect-error: not one of its channels
client.subscribe({ channels: ['metrics'] }, { history: () => {} });
// @ts-expect-error: `data` has no such member
client.subscribe({ channels: ['history'] }, ({ data }) => data.disk);
// @ts-expect-error: a policy that there is not
client.subscribe({ channels: ['metrics'], overflow: 'block' });
// @ts-expect-error: a question without a beginning
void client.history({ to: 1 });
// @ts-expect-error: an event that there is not
client.on('reconnect', () => {});

export async function read(): Promise<void> {
  for await (const message of client.subscribe({ channels: ['metrics', 'history'] })) {
    message satisfies MetricsMessage | HistoryMessage | GapMessage | OverflowMessage;
    if (message.type === 'metrics') message.cursor?.length;
    else if (message.type === 'history') message.data.cpu[0]?.value.toFixed(0);
    else if (message.type === 'overflow') message.dropped.toFixed(0);
    else message.data.reason satisfies string;
  }
  const { data } = await client.history({ from: new Date(), points: 10, signal: AbortSignal.timeout(1000) });
  data.memory[0]?.available.toFixed(0);
}
client.on('state', ({ state, retryIn }) => `${state} ${retryIn}`);
client.on('error', ({ code, fatal }) => (code === 'forbidden' || code === 'token-refused') && fatal);
