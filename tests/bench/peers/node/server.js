// The guide's WebSocket manager without its database, fed by Redis as such servers commonly are: one pattern
// subscription, JSON.parse per event, JSON.stringify per client.
import { createServer } from 'http';
import Redis from 'ioredis';
import { parse as parseUrl } from 'url';
import { WebSocket, WebSocketServer } from 'ws';

const deviceClients = new Map();
const server = createServer();
const wss = new WebSocketServer({ noServer: true });

function send(ws, message) {
  if (ws.readyState === WebSocket.OPEN) {
    ws.send(JSON.stringify(message));
  }
}

function handleMessage(client, message) {
  switch (message.type) {
    case 'subscribe':
      message.channels.forEach((channel) => client.subscriptions.add(channel));
      break;
    case 'unsubscribe':
      message.channels.forEach((channel) => client.subscriptions.delete(channel));
      break;
    case 'ping':
      send(client.ws, { type: 'pong', data: { timestamp: new Date().toISOString() } });
      break;
  }
}

server.on('upgrade', (request, socket, head) => {
  const { pathname } = parseUrl(request.url || '', true);
  const match = pathname?.match(/\/api\/v1\/devices\/([^/]+)\/ws/);
  if (!match) {
    socket.destroy();
    return;
  }
  const deviceUuid = match[1];
  wss.handleUpgrade(request, socket, head, (ws) => {
    const client = { ws, deviceUuid, subscriptions: new Set() };
    if (!deviceClients.has(deviceUuid)) {
      deviceClients.set(deviceUuid, new Set());
    }
    deviceClients.get(deviceUuid).add(client);
    ws.on('message', (data) => handleMessage(client, JSON.parse(data.toString())));
    ws.on('close', () => {
      const clients = deviceClients.get(deviceUuid);
      clients.delete(client);
      if (clients.size === 0) {
        deviceClients.delete(deviceUuid);
      }
    });
    ws.on('error', () => {});
    send(ws, { type: 'connected', data: { deviceUuid, timestamp: new Date().toISOString() } });
  });
});

const redis = new Redis(Number(process.env.REDIS_PORT), '127.0.0.1');
redis.on('pmessage', (pattern, topic, payload) => {
  const event = JSON.parse(payload);
  const message = {
    type: 'metrics',
    data: event.metrics,
    deviceUuid: event.deviceUuid,
    timestamp: event.timestamp
  };
  deviceClients.get(event.deviceUuid)?.forEach((client) => {
    if (client.subscriptions.has('metrics')) {
      send(client.ws, message);
    }
  });
});
await redis.psubscribe('device:*:metrics');

server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening'));
