// How things stand with a device, in one word and one sentence.
import type { DeviceStatus, StateEvent } from 'pulsegate-client';
import { h, setText } from './dom.js';
import { age, clock } from './format.js';

export type Look = 'live' | 'stale' | 'waiting' | 'lost' | 'replay';

export interface Standing {
  look: Look;
  word: string;
  sentence: string;
}

/** Pure. `now`, `last`: ms; `last`: when the newest sample was taken; undefined: there is none. */
export function standing(connection: StateEvent, device: DeviceStatus | undefined, last: number | undefined, replaying: boolean, now: number): Standing {
  const since = last === undefined ? '' : `Last report ${age(now - last)}.`;
  switch (connection.state) {
    case 'idle':
    case 'connecting':
      return { look: 'waiting', word: 'connecting', sentence: 'Connecting to the gateway.' };
    case 'reconnecting':
      return { look: 'lost', word: 'reconnecting', sentence: `The connection is lost${connection.code ? ` (${connection.code})` : ''}; what is missed meanwhile comes later. ${since}` };
    case 'failed':
      return { look: 'lost', word: 'refused', sentence: `The gateway closed the connection${connection.code ? ` (${connection.code}${connection.reason ? `, ${connection.reason}` : ''})` : ''}.` };
    case 'closed':
      return { look: 'lost', word: 'closed', sentence: 'The connection was closed.' };
    case 'live':
      break;
  }
  if (replaying) return { look: 'replay', word: 'replay', sentence: 'What you see is the past.' };
  if (device?.bus === 'down') return { look: 'stale', word: 'delayed', sentence: `The gateway has lost Redis: new reports come late, from the database. ${since}` };
  if (device?.state === 'unknown') return { look: 'waiting', word: 'unknown', sentence: 'Nothing is known of this device yet.' };
  if (device?.state === 'stale')
    return { look: 'stale', word: 'stale', sentence: `The device has fallen silent${device.since ? ` since ${clock(Date.parse(device.since), now)}` : ''}. ${since}` };
  const database = device?.database === 'down' ? ' The database is away: history may be incomplete.' : '';
  return { look: 'live', word: 'live', sentence: (since || 'Waiting for the first report.') + database };
}

export class StateBadge {
  readonly badge = h('span', { class: 'state', 'data-testid': 'state' });
  readonly sentence = h('span', { class: 'sentence', 'data-testid': 'state-sentence' });

  show({ look, word, sentence }: Standing): void {
    if (this.badge.dataset.look !== look) this.badge.dataset.look = look;
    setText(this.badge, word);
    setText(this.sentence, sentence.trim());
  }
}
