// What is wanted of the gateway, what it was told, and where each channel of each device stands. No socket, no clock: it
// says which commands would make the gateway's view the wanted one, and who gets a message.

import type { Channel, GapMessage, HistoryForm, SubscribeCommand, UnsubscribeCommand } from './messages.js';
import type { Subscriber } from './subscription.js';
import type { DeviceStatus } from './types.js';

/** One channel of one device. It is kept as long as somebody wants it, or an `unsubscribed` is awaited. */
interface Slot {
  device: string;
  channel: Channel;
  subscribers: Set<Subscriber>;
  fresh: Set<Subscriber>; // have had no message yet
  sent: boolean; // the gateway was asked for it, after the last unsubscribe
  acked: boolean; // and has said `subscribed`
  resuming: boolean; // asked with a `since`, whose `subscribed` is awaited: what comes before it will come again
  leaving: number; // `unsubscribed` that are awaited; until then messages are of the time before
  since?: string; // the cursor, else the time, up to which everything has come
  exact: boolean; // `since` is a cursor
  first: boolean; // the next message is the first after `subscribed`
}

interface DeviceState {
  slots: Map<Channel, Slot>;
  status: DeviceStatus;
}

const SNAPSHOTS = new Set<string>(['processes', 'system-info', 'network-interfaces']);
const COMMANDS_KEPT = 32;

export type SlotCommand = SubscribeCommand | UnsubscribeCommand;
type Message = { type: string; deviceUuid: string; timestamp: string; cursor?: string; mode?: string };

/** Devices are lower case UUIDs; '' is the one of a connection of one device. */
export class Slots {
  #devices = new Map<string, DeviceState>();
  #dirty = new Set<Slot>();
  #resumes = new Map<string, [device: string, channel: Channel][]>(); // by id of the command, the last ones
  #ids = 0;
  #paused = false;
  #rate?: number; // of a slow tab

  /** `onStatus`: for the client's own listeners. */
  constructor(readonly fleet: boolean, readonly onStatus: (status: DeviceStatus) => void) {}

  get size(): number {
    return this.#devices.size;
  }

  get dirty(): boolean {
    return this.#dirty.size > 0;
  }

  add(subscriber: Subscriber, online: boolean): void {
    const { options } = subscriber;
    for (const device of subscriber.devices) {
      let state = this.#devices.get(device);
      if (!state) {
        const status: DeviceStatus = { device, state: online ? 'live' : 'reconnecting', bus: 'up', database: 'up' };
        this.#devices.set(device, (state = { slots: new Map(), status }));
      }
      for (const channel of options.channels as readonly Channel[]) {
        let slot = state.slots.get(channel);
        if (!slot)
          state.slots.set(channel, (slot = {
            device, channel, subscribers: new Set(), fresh: new Set(), sent: false, acked: false, resuming: false,
            leaving: 0, exact: false, first: false,
          }));
        if (slot.subscribers.size === 0)
          slot.since = typeof options.since === 'object' ? options.since[device] : options.since;
        slot.subscribers.add(subscriber);
        slot.fresh.add(subscriber);
        this.#dirty.add(slot); // also where it was sent: the newcomer needs the latest value
      }
      subscriber.status(state.status);
    }
  }

  remove(subscriber: Subscriber): void {
    for (const device of subscriber.devices)
      for (const channel of subscriber.options.channels as readonly Channel[]) {
        const slot = this.#slot(device, channel);
        if (!slot?.subscribers.delete(subscriber)) continue;
        slot.fresh.delete(subscriber);
        if (slot.subscribers.size === 0) slot.since = undefined;
        // Of the others' rates and forms another may count now.
        if (slot.subscribers.size === 0 || subscriber.options.maxRate !== undefined || subscriber.options.history)
          this.#dirty.add(slot);
        this.#forget(slot);
      }
  }

  /** In a hidden tab: nothing, or not more than `rate` messages a second; undefined: as it was asked for. */
  limit(paused: boolean, rate?: number): void {
    if (paused === this.#paused && rate === this.#rate) return;
    this.#paused = paused;
    this.#rate = rate;
    this.#each((slot) => this.#dirty.add(slot));
  }

  cursorOf(device: string, channel: string): string | undefined {
    const slot = this.#slot(device, channel);
    return slot?.exact ? slot.since : undefined;
  }

  /** The connection is gone, and with it all that the gateway knew. */
  offline(): void {
    this.#resumes.clear();
    this.#each((slot) => {
      Object.assign(slot, { sent: false, acked: false, resuming: false, leaving: 0 });
      this.#dirty.add(slot);
      this.#forget(slot);
    });
    for (const state of this.#devices.values())
      this.#tell(state, { state: 'reconnecting', bus: 'up', database: 'up', since: undefined });
  }

  /** Some commands were not carried out, and nobody knows which: those that were not answered are said again. */
  unanswered(): void {
    this.#each((slot) => {
      if (slot.leaving > 0 || (slot.sent && !slot.acked)) {
        const unwanted = slot.subscribers.size === 0 || this.#paused;
        Object.assign(slot, { sent: unwanted, acked: false, resuming: false, leaving: 0 });
        this.#dirty.add(slot);
      }
    });
  }

  /** A command of ours was refused. */
  refused(id: unknown, code: string): void {
    for (const [device, channel] of this.#resumes.get(String(id)) ?? []) {
      const slot = this.#slot(device, channel);
      if (!slot) continue;
      slot.resuming = false;
      if (code !== 'bad-since') continue;
      slot.since = undefined;
      slot.sent = slot.exact = false;
      this.#dirty.add(slot);
    }
  }

  /** `now`: the gateway's time, for a channel of which nothing has come yet. */
  subscribed(device: string, channel: Channel, now: number): void {
    const slot = this.#slot(device, channel);
    if (!slot || slot.leaving > 0 || !slot.sent) return;
    slot.acked = slot.first = true;
    slot.resuming = false;
    if (channel === 'metrics') slot.since ??= new Date(now).toISOString();
    const state = this.#devices.get(device)!;
    if (state.status.state === 'reconnecting') this.#tell(state, { state: 'live' });
  }

  unsubscribed(device: string, channel: Channel): void {
    const slot = this.#slot(device, channel);
    if (!slot) return;
    if (slot.leaving > 0) slot.leaving--;
    else slot.sent = slot.acked = false; // a new token does not name it any more
    this.#forget(slot);
  }

  status(device: string, { device: state, ...links }: { device?: DeviceStatus['state']; since?: string }): void {
    const known = this.#devices.get(device);
    if (known) this.#tell(known, { ...links, ...(state ? { state } : {}) });
  }

  gap(device: string, message: GapMessage): void {
    const told = new Set<Subscriber>();
    for (const channel of message.data.channels)
      for (const subscriber of this.#slot(device, channel)?.subscribers ?? []) told.add(subscriber);
    for (const subscriber of told) subscriber.gap(message);
  }

  /** False: nobody has subscribed to that. */
  deliver(device: string, message: Message): boolean {
    const slot = this.#slot(device, message.type);
    if (!slot) return false;
    if (slot.leaving > 0 || slot.resuming) return true;
    // Whoever subscribes again is shown the latest once more; only newcomers have not seen it.
    const samples = message.type === 'metrics' || this.#passesThrough(slot);
    const point = message.cursor ?? (this.#passesThrough(slot) ? message.timestamp : undefined);
    const repeated = samples && point !== undefined && point === slot.since && (slot.exact || slot.first);
    slot.first = false;
    if (point !== undefined) {
      slot.since = point;
      slot.exact = message.cursor !== undefined;
    }
    const receivers = [...(repeated ? slot.fresh : slot.subscribers)];
    slot.fresh.clear();
    for (const subscriber of receivers) subscriber.deliver(message);
    return true;
  }

  /** What must be said now. `most`: devices a command. Sets what was sent as said. */
  commands(most: number): SlotCommand[] {
    const groups = new Map<string, { command: SlotCommand; slots: Map<string, Slot[]> }>();
    const byDevice = new Map<string, Map<string, { command: SlotCommand; since?: string; slots: Slot[] }>>();
    for (const slot of this.#dirty) {
      const wanted = slot.subscribers.size > 0 && !this.#paused;
      if (wanted && slot.resuming) continue; // its answer first
      this.#dirty.delete(slot);
      if (!wanted && !slot.sent) {
        this.#forget(slot);
        continue;
      }
      const command: SlotCommand = wanted ? { type: 'subscribe', channels: [], ...this.#form(slot) }
                                          : { type: 'unsubscribe', channels: [] };
      const since = wanted && !slot.sent ? this.#sinceOf(slot) : undefined;
      const key = JSON.stringify([command, since]);
      let groupsOfDevice = byDevice.get(slot.device);
      if (!groupsOfDevice) byDevice.set(slot.device, (groupsOfDevice = new Map()));
      let group = groupsOfDevice.get(key);
      if (!group) groupsOfDevice.set(key, (group = { command, since, slots: [] }));
      group.slots.push(slot);
      if (wanted) {
        slot.resuming = since !== undefined;
        slot.acked = slot.acked && slot.sent;
      } else {
        slot.leaving++;
        slot.resuming = slot.acked = false;
      }
      slot.sent = wanted;
    }
    // Devices of which the same is wanted share a command.
    const commands: SlotCommand[] = [];
    for (const [device, groupsOfDevice] of byDevice)
      for (const { command, since, slots } of groupsOfDevice.values()) {
        command.channels = slots.map((slot) => slot.channel).sort();
        const key = JSON.stringify([command, since !== undefined]);
        let group = groups.get(key);
        if (!group || group.slots.size >= most) {
          groups.set(key, (group = { command, slots: new Map() }));
          command.id = `s${++this.#ids}`;
          commands.push(command);
        }
        group.slots.set(device, slots);
        this.#name(group.command, device, since, slots);
      }
    return commands;
  }

  #name(command: SlotCommand, device: string, since: string | undefined, slots: Slot[]): void {
    if (this.fleet) (command.deviceUuids ??= []).push(device);
    if (command.type === 'unsubscribe' || since === undefined) return;
    if (this.fleet) ((command.since ??= {}) as Record<string, string>)[device] = since;
    else command.since = since;
    const id = String(command.id);
    const known = this.#resumes.get(id) ?? [];
    this.#resumes.set(id, [...known, ...slots.map((slot) => [slot.device, slot.channel] as [string, Channel])]);
    if (this.#resumes.size > COMMANDS_KEPT) this.#resumes.delete(this.#resumes.keys().next().value!);
  }

  /** Of several subscribers: the highest rate, none if one wants all; the form of the last one. */
  #form(slot: Slot): { maxRate?: number; history?: HistoryForm } {
    const all = [...slot.subscribers].map((subscriber) => subscriber.options);
    const maxRate = Math.min(Math.max(...all.map((options) => options.maxRate ?? Infinity)), this.#rate ?? Infinity);
    const history = slot.channel === 'history' ? all.filter((options) => options.history).pop()?.history : undefined;
    return { ...(maxRate < Infinity && { maxRate }), ...(history && { history }) };
  }

  #sinceOf(slot: Slot): string | undefined {
    if (SNAPSHOTS.has(slot.channel) || [...slot.subscribers].every((each) => each.options.resume === false))
      return undefined;
    // A window that is sent whole holds what was missed.
    return slot.channel === 'history' && this.#form(slot).history?.mode !== 'append' ? undefined : slot.since;
  }

  #passesThrough(slot: Slot): boolean {
    return slot.channel !== 'metrics' && slot.channel !== 'history' && !SNAPSHOTS.has(slot.channel);
  }

  #slot(device: string, channel: Channel): Slot | undefined {
    return this.#devices.get(device)?.slots.get(channel);
  }

  #each(visit: (slot: Slot) => void): void {
    for (const state of [...this.#devices.values()]) for (const slot of [...state.slots.values()]) visit(slot);
  }

  /** Frees it where nobody wants it, and nothing of it is awaited or to be said. */
  #forget(slot: Slot): void {
    if (slot.subscribers.size > 0 || slot.sent || slot.leaving > 0) return;
    this.#dirty.delete(slot);
    const state = this.#devices.get(slot.device);
    if (!state || state.slots.get(slot.channel) !== slot) return;
    state.slots.delete(slot.channel);
    if (state.slots.size === 0) this.#devices.delete(slot.device);
  }

  #tell(state: DeviceState, change: Partial<DeviceStatus>): void {
    const before = JSON.stringify(state.status);
    state.status = { ...state.status, ...change };
    if (JSON.stringify(state.status) === before) return;
    const told = new Set<Subscriber>();
    for (const slot of state.slots.values()) for (const subscriber of slot.subscribers) told.add(subscriber);
    for (const subscriber of told) subscriber.status(state.status);
    this.onStatus(state.status);
  }
}
