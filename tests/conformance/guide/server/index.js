// Section 2 of the guide, without Express, which has no part in WebSockets. Listens on 127.0.0.1:$PORT (0: a free port).
import { createServer } from 'http';
import { websocketManager } from './websocket-manager.js';

const server = createServer();

// Initialize WebSocket manager
websocketManager.initialize(server);

// Start server
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`listening ${server.address().port}`);
});
