// Section 1 of the guide, its TypeScript types taken away and nothing else touched, but for one option:
// `path: '/api/v1/devices/:uuid/ws'` is not handed to WebSocketServer. ws compares it with the request's path as it
// stands, without placeholders, and would answer 400 to every real device; the upgrade handler below has its own check.
import { WebSocket, WebSocketServer } from 'ws';
import { parse as parseUrl } from 'url';
import { knex } from './database.js';

class WebSocketManager {
  wss = null;
  clients = new Map();
  deviceClients = new Map();
  intervals = new Map();

  initialize(server) {
    this.wss = new WebSocketServer({
      noServer: true
    });

    // Handle HTTP upgrade requests
    server.on('upgrade', (request, socket, head) => {
      const { pathname } = parseUrl(request.url || '', true);

      // Extract device UUID from path: /api/v1/devices/{uuid}/ws
      const match = pathname?.match(/\/api\/v1\/devices\/([^/]+)\/ws/);

      if (match && match[1]) {
        const deviceUuid = match[1];

        this.wss?.handleUpgrade(request, socket, head, (ws) => {
          this.handleConnection(ws, deviceUuid);
        });
      } else {
        socket.destroy();
      }
    });

    console.log('[WebSocket] Manager initialized');
  }

  handleConnection(ws, deviceUuid) {
    console.log(`[WebSocket] Client connected to device: ${deviceUuid}`);

    const client = {
      ws,
      deviceUuid,
      subscriptions: new Set(),
      lastActivity: Date.now(),
    };

    this.clients.set(ws, client);

    // Track device clients
    if (!this.deviceClients.has(deviceUuid)) {
      this.deviceClients.set(deviceUuid, new Set());
    }
    this.deviceClients.get(deviceUuid).add(ws);

    // Handle messages from client
    ws.on('message', (data) => {
      try {
        const message = JSON.parse(data.toString());
        this.handleMessage(client, message);
      } catch (error) {
        console.error('[WebSocket] Error parsing message:', error);
      }
    });

    // Handle disconnect
    ws.on('close', () => {
      console.log(`[WebSocket] Client disconnected from device: ${deviceUuid}`);
      this.handleDisconnect(ws, client);
    });

    // Handle errors
    ws.on('error', (error) => {
      console.error('[WebSocket] Error:', error);
    });

    // Send initial connection confirmation
    this.send(ws, {
      type: 'connected',
      data: { deviceUuid, timestamp: new Date().toISOString() }
    });
  }

  handleMessage(client, message) {
    client.lastActivity = Date.now();

    switch (message.type) {
      case 'subscribe':
        if (Array.isArray(message.channels)) {
          message.channels.forEach((channel) => {
            client.subscriptions.add(channel);
            console.log(`[WebSocket] Client subscribed to: ${channel} for device ${client.deviceUuid}`);
          });

          // Start sending data for subscribed channels
          this.startDataStreams(client);
        }
        break;

      case 'unsubscribe':
        if (Array.isArray(message.channels)) {
          message.channels.forEach((channel) => {
            client.subscriptions.delete(channel);
            console.log(`[WebSocket] Client unsubscribed from: ${channel}`);
          });
        }
        break;

      case 'ping':
        this.send(client.ws, { type: 'pong', data: { timestamp: new Date().toISOString() } });
        break;
    }
  }

  async startDataStreams(client) {
    const { deviceUuid, subscriptions } = client;

    // System Info - every 30 seconds
    if (subscriptions.has('system-info')) {
      this.sendSystemInfo(client);
      const intervalKey = `${deviceUuid}-system-info`;
      if (!this.intervals.has(intervalKey)) {
        const interval = setInterval(() => this.sendSystemInfo(client), 30000);
        this.intervals.set(intervalKey, interval);
      }
    }

    // Processes - every 60 seconds
    if (subscriptions.has('processes')) {
      this.sendProcesses(client);
      const intervalKey = `${deviceUuid}-processes`;
      if (!this.intervals.has(intervalKey)) {
        const interval = setInterval(() => this.sendProcesses(client), 60000);
        this.intervals.set(intervalKey, interval);
      }
    }

    // Metrics History - every 30 seconds
    if (subscriptions.has('history')) {
      this.sendMetricsHistory(client);
      const intervalKey = `${deviceUuid}-history`;
      if (!this.intervals.has(intervalKey)) {
        const interval = setInterval(() => this.sendMetricsHistory(client), 30000);
        this.intervals.set(intervalKey, interval);
      }
    }

    // Network Interfaces - every 30 seconds
    if (subscriptions.has('network-interfaces')) {
      this.sendNetworkInterfaces(client);
      const intervalKey = `${deviceUuid}-network-interfaces`;
      if (!this.intervals.has(intervalKey)) {
        const interval = setInterval(() => this.sendNetworkInterfaces(client), 30000);
        this.intervals.set(intervalKey, interval);
      }
    }
  }

  async sendSystemInfo(client) {
    try {
      const result = await knex('device_state_records')
        .where({ device_uuid: client.deviceUuid })
        .orderBy('recorded_at', 'desc')
        .first();

      if (result) {
        this.send(client.ws, {
          type: 'system-info',
          data: {
            os: result.os_version,
            architecture: result.architecture,
            uptime: result.uptime,
            hostname: result.hostname,
            ipAddress: result.ip_address,
            macAddress: result.mac_address,
          }
        });
      }
    } catch (error) {
      console.error('[WebSocket] Error fetching system info:', error);
    }
  }

  async sendProcesses(client) {
    try {
      const result = await knex('device_state_records')
        .where({ device_uuid: client.deviceUuid })
        .orderBy('recorded_at', 'desc')
        .first();

      if (result?.top_processes) {
        this.send(client.ws, {
          type: 'processes',
          data: {
            top_processes: result.top_processes
          }
        });
      }
    } catch (error) {
      console.error('[WebSocket] Error fetching processes:', error);
    }
  }

  async sendMetricsHistory(client) {
    try {
      const metrics = await knex('device_metrics')
        .where({ device_uuid: client.deviceUuid })
        .orderBy('recorded_at', 'desc')
        .limit(30);

      if (metrics.length > 0) {
        const reversed = metrics.reverse();

        const cpuData = reversed.map(m => ({
          time: new Date(m.recorded_at).toLocaleTimeString('en-US', { hour: '2-digit', minute: '2-digit' }),
          value: Math.round(parseFloat(m.cpu_usage) || 0)
        }));

        const memData = reversed.map(m => ({
          time: new Date(m.recorded_at).toLocaleTimeString('en-US', { hour: '2-digit', minute: '2-digit' }),
          used: Math.round((parseFloat(m.memory_usage) || 0) / 1024 / 1024),
          available: Math.round(((parseFloat(m.memory_total) || 0) - (parseFloat(m.memory_usage) || 0)) / 1024 / 1024)
        }));

        const netData = reversed.map(m => ({
          time: new Date(m.recorded_at).toLocaleTimeString('en-US', { hour: '2-digit', minute: '2-digit' }),
          download: m.network_rx || 0,
          upload: m.network_tx || 0
        }));

        this.send(client.ws, {
          type: 'history',
          data: {
            cpu: cpuData,
            memory: memData,
            network: netData
          }
        });
      }
    } catch (error) {
      console.error('[WebSocket] Error fetching metrics history:', error);
    }
  }

  async sendNetworkInterfaces(client) {
    try {
      const result = await knex('device_state_records')
        .where({ device_uuid: client.deviceUuid })
        .orderBy('recorded_at', 'desc')
        .first();

      if (result?.network_interfaces) {
        this.send(client.ws, {
          type: 'network-interfaces',
          data: {
            interfaces: result.network_interfaces
          }
        });
      }
    } catch (error) {
      console.error('[WebSocket] Error fetching network interfaces:', error);
    }
  }

  handleDisconnect(ws, client) {
    // Remove from clients map
    this.clients.delete(ws);

    // Remove from device clients
    const deviceSet = this.deviceClients.get(client.deviceUuid);
    if (deviceSet) {
      deviceSet.delete(ws);
      if (deviceSet.size === 0) {
        this.deviceClients.delete(client.deviceUuid);

        // Clear intervals for this device
        ['system-info', 'processes', 'history', 'network-interfaces'].forEach(channel => {
          const intervalKey = `${client.deviceUuid}-${channel}`;
          const interval = this.intervals.get(intervalKey);
          if (interval) {
            clearInterval(interval);
            this.intervals.delete(intervalKey);
          }
        });
      }
    }
  }

  send(ws, message) {
    if (ws.readyState === WebSocket.OPEN) {
      ws.send(JSON.stringify(message));
    }
  }

  // Broadcast to all clients of a specific device
  broadcast(deviceUuid, message) {
    const clients = this.deviceClients.get(deviceUuid);
    if (clients) {
      clients.forEach(ws => {
        this.send(ws, message);
      });
    }
  }

  // Get count of connected clients
  getClientCount(deviceUuid) {
    if (deviceUuid) {
      return this.deviceClients.get(deviceUuid)?.size || 0;
    }
    return this.clients.size;
  }
}

export const websocketManager = new WebSocketManager();
