export * from './messages.js';
export * from './types.js';
export { PulsegateClient } from './client.js';
export { closeRule, type CloseRule } from './close_codes.js';
export type { Item, Subscription } from './subscription.js';
