// What is wanted of the gateway, what it was told, and where each channel of each device stands. No socket, no clock: it
// says which commands would make the gateway's view the wanted one, and who gets a message.

import type { Channel, GapMessage, HistoryForm, StatusMessage, SubscribeCommand, UnsubscribeCommand } from './messages.js';
import { ensure } from './emitter.js';
import type { Subscriber } from './subscription.js';
import type { DeviceStatus } from './types.js';

/** One channel of one device. It is kept as long as somebody wants it, or an `unsubscribed` is awaited. */
interface Slot {
  device: string;
  channel: Channel;
  subscribers: Set<Subscriber>;
  fresh: Set<Subscriber>; // have had no message yet
  sent?: boolean; // the gateway was asked for it, after the last unsubscribe
  acked?: boolean; // and has said `subscribed`
  resuming?: boolean; // asked with a `since`, whose `subscribed` is awaited: what comes before it will come again
  command?: string; // the id of the last `subscribe`
  leaving: number; // `unsubscribed` that are awaited; until then messages are of the time before
  since?: string; // the cursor, else the time, up to which everything has come
  begun?: number; // when `subscribed` came, by the gateway's clock
}

interface DeviceState {
  slots: Map<Channel, Slot>;
  status: DeviceStatus;
}

/** Commands to one device, or to several of which the same is wanted. */
interface Group {
  command: SlotCommand;
  since: string | undefined;
  slots: Slot[];
}

const SNAPSHOTS = new Set<string>(['processes', 'system-info', 'network-interfaces']);

const SNAPSHOT_TIME = 5000; // ms after `subscribed`, by when the latest value has come if there is one

export type SlotCommand = SubscribeCommand | UnsubscribeCommand;
type Message = { type: string; deviceUuid: string; timestamp: string; cursor?: string };

/** Devices are lower case UUIDs; '' is the one of a connection of one device. */
export class Slots {
  #devices = new Map<string, DeviceState>();
  #dirty = new Set<Slot>();
  #ids = 0;
  #paused = false;
  #rate?: number; // of a slow tab

  /** `onStatus`: for the client's own listeners. */
  constructor(readonly fleet: boolean, readonly onStatus: (status: DeviceStatus) => void) {}

  /** Devices of which anything is kept. */
  get size(): number {
    return this.#devices.size;
  }

  get dirty(): boolean {
    return this.#dirty.size > 0;
  }

  add(subscriber: Subscriber, online: boolean): void {
    const { channels, since } = subscriber.options;
    for (const device of subscriber.devices) {
      const state = ensure(this.#devices, device, (): DeviceState => ({
        slots: new Map(),
        status: { device, state: online ? 'live' : 'reconnecting', bus: 'up', database: 'up' },
      }));
      for (const channel of channels) {
        const slot: Slot = ensure(state.slots, channel, () => ({
          device, channel, subscribers: new Set(), fresh: new Set(), leaving: 0,
        }));
        if (!slot.subscribers.size) slot.since = typeof since === 'object' ? since[device] : since;
        slot.subscribers.add(subscriber);
        slot.fresh.add(subscriber);
        this.#dirty.add(slot); // also where it was sent: the newcomer needs the latest value
      }
      subscriber.status(state.status);
    }
  }

  remove(subscriber: Subscriber): void {
    for (const device of subscriber.devices)
      for (const channel of subscriber.options.channels) {
        const slot = this.#slot(device, channel);
        if (!slot) continue;
        slot.subscribers.delete(subscriber);
        slot.fresh.delete(subscriber);
        if (!slot.subscribers.size) slot.since = undefined;
        this.#dirty.add(slot); // the others' rates and forms may be others
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
    const since = this.#slot(device, channel)?.since;
    return since?.includes(':') ? undefined : since; // that is a time
  }

  /** The connection is gone, and with it all that the gateway knew. `now`: the gateway's time. */
  offline(now: number): void {
    this.#each((slot) => {
      // A device that had nothing to show: what it says first while we are away is missed no less.
      if (slot.channel === 'metrics' && slot.acked && now - slot.begun! >= SNAPSHOT_TIME)
        slot.since ??= new Date(slot.begun!).toISOString();
      slot.sent = slot.acked = slot.resuming = false;
      slot.leaving = 0;
      this.#dirty.add(slot);
      this.#forget(slot);
    });
    for (const state of this.#devices.values())
      this.#tell(state, { state: 'reconnecting', bus: 'up', database: 'up', since: undefined });
  }

  /** Some commands were not carried out, and nobody knows which: those that were not answered are said again. */
  unanswered(): void {
    this.#each((slot) => {
      if (!slot.leaving && (slot.acked || !slot.sent)) return;
      slot.sent = !this.#wanted(slot);
      slot.acked = slot.resuming = false;
      slot.leaving = 0;
      this.#dirty.add(slot);
    });
  }

  /** A command of ours was refused. */
  refused(id: unknown, code: string): void {
    this.#each((slot) => {
      if (!id || slot.command !== id) return;
      slot.resuming = false;
      if (code !== 'bad-since') return;
      slot.since = undefined;
      slot.sent = false;
      this.#dirty.add(slot);
    });
  }

  subscribed(device: string, channel: Channel, now: number): void {
    const slot = this.#slot(device, channel);
    if (!slot?.sent || slot.leaving) return;
    slot.acked = true;
    slot.resuming = false;
    slot.begun = now;
    const state = this.#devices.get(device)!;
    if (state.status.state === 'reconnecting') this.#tell(state, { state: 'live' });
  }

  unsubscribed(device: string, channel: Channel): void {
    const slot = this.#slot(device, channel);
    if (!slot) return;
    if (slot.leaving) slot.leaving--;
    else slot.sent = slot.acked = false; // a new token does not name it any more
    this.#forget(slot);
  }

  status(device: string, { device: state, ...links }: StatusMessage['data']): void {
    const known = this.#devices.get(device);
    if (known) this.#tell(known, state ? { ...links, state } : links);
  }

  gap(device: string, message: GapMessage): void {
    for (const subscriber of this.#subscribers(message.data.channels.map((channel) => this.#slot(device, channel))))
      subscriber.deliver(message);
  }

  /** False: nobody has subscribed to that. */
  deliver(device: string, message: Message): boolean {
    const slot = this.#slot(device, message.type);
    if (!slot) return false;
    if (slot.leaving || slot.resuming) return true;
    const { cursor, type } = message;
    // Whoever subscribes again is shown the latest sample once more; only newcomers have not seen it.
    const receivers = [...(type === 'metrics' && cursor && cursor === slot.since ? slot.fresh : slot.subscribers)];
    // Of what has no cursor the time: what is missed is not kept by anybody, but the gateway names it.
    slot.since = cursor ?? message.timestamp;
    slot.fresh.clear();
    for (const subscriber of receivers) subscriber.deliver(message);
    return true;
  }

  /** What must be said now. `most`: devices a command. What is returned counts as said. */
  commands(most: number): SlotCommand[] {
    const byDevice = new Map<string, Map<string, Group>>();
    for (const slot of this.#dirty) {
      const wanted = this.#wanted(slot);
      if (wanted && slot.resuming) continue; // its answer first
      this.#dirty.delete(slot);
      this.#forget(slot);
      if (!wanted && !slot.sent) continue;
      const command = { type: wanted ? 'subscribe' : 'unsubscribe', channels: [], ...(wanted && this.#form(slot)) } as SlotCommand;
      const since = wanted && !slot.sent ? this.#sinceOf(slot) : undefined;
      const groups = ensure(byDevice, slot.device, () => new Map<string, Group>());
      ensure(groups, JSON.stringify([command, since]), () => ({ command, since, slots: [] })).slots.push(slot);
      slot.acked &&= wanted && slot.sent;
      slot.resuming = since !== undefined;
      if (!wanted) slot.leaving++;
      slot.sent = wanted;
    }
    const shared = new Map<string, { command: SlotCommand; devices: number }>();
    const commands: SlotCommand[] = [];
    for (const [device, groups] of byDevice)
      for (const { command, since, slots } of groups.values()) {
        command.channels = slots.map((slot) => slot.channel).sort();
        const key = JSON.stringify([command, !since]);
        let group = shared.get(key);
        if (!group || group.devices >= most) {
          shared.set(key, (group = { command, devices: 0 }));
          command.id = `s${++this.#ids}`;
          commands.push(command);
        }
        group.devices++;
        const said = group.command as SubscribeCommand;
        for (const slot of slots) slot.command = said.id as string;
        if (this.fleet) (said.deviceUuids ??= []).push(device);
        if (since) said.since = this.fleet ? Object.assign(said.since ?? {}, { [device]: since }) : since;
      }
    return commands;
  }

  #wanted(slot: Slot): boolean {
    return slot.subscribers.size > 0 && !this.#paused;
  }

  /** Of several subscribers: the highest rate, none if one wants all; the form of the last one. */
  #form(slot: Slot): { maxRate?: number; history?: HistoryForm } {
    const all = [...slot.subscribers].map((subscriber) => subscriber.options);
    const maxRate = Math.min(Math.max(...all.map((options) => options.maxRate ?? Infinity)), this.#rate ?? Infinity);
    const history = slot.channel === 'history' && all.map((options) => options.history).filter(Boolean).pop();
    return { ...(maxRate < Infinity && { maxRate }), ...(history && { history }) };
  }

  #sinceOf(slot: Slot): string | undefined {
    // A window that is sent whole holds what was missed, and of some channels the latest value is all there is.
    const whole = slot.channel === 'history' ? this.#form(slot).history?.mode !== 'append' : SNAPSHOTS.has(slot.channel);
    return whole || [...slot.subscribers].every((each) => each.options.resume === false) ? undefined : slot.since;
  }

  #slot(device: string, channel: Channel): Slot | undefined {
    return this.#devices.get(device)?.slots.get(channel);
  }

  #each(visit: (slot: Slot) => void): void {
    this.#devices.forEach((state) => state.slots.forEach(visit));
  }

  #subscribers(slots: Iterable<Slot | undefined>): Set<Subscriber> {
    return new Set([...slots].flatMap((slot) => [...(slot?.subscribers ?? [])]));
  }

  /** Frees it where nobody wants it, and nothing of it is awaited or to be said. */
  #forget(slot: Slot): void {
    if (slot.subscribers.size || slot.sent || slot.leaving) return;
    this.#dirty.delete(slot);
    const slots = this.#devices.get(slot.device)?.slots;
    slots?.delete(slot.channel);
    if (!slots?.size) this.#devices.delete(slot.device);
  }

  #tell(state: DeviceState, change: Partial<DeviceStatus>): void {
    const before = JSON.stringify(state.status);
    state.status = { ...state.status, ...change };
    if (JSON.stringify(state.status) === before) return;
    for (const subscriber of this.#subscribers(state.slots.values())) subscriber.status(state.status);
    this.onStatus(state.status);
  }
}
