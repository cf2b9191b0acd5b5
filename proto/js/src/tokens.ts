// The token in use: asked for when there is none, or it has ended or was refused.

import { PulsegateError, type TokenCallback } from './types.js';

/** When a JWT ends, in ms since 1970; undefined where it does not say so. */
export function endOf(token: string): number | undefined {
  try {
    const claims = JSON.parse(atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/')));
    return Number.isFinite(claims.exp) ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

/** Invariant: the callback is never called again before its last promise is settled. */
export class Tokens {
  #source: string | TokenCallback | undefined;
  #current?: string;
  #refused?: string; // '': none was given, and one is wanted
  #pending?: Promise<string | null | undefined>;

  constructor(source: string | TokenCallback | undefined) {
    this.#source = source;
  }

  get renewable(): boolean {
    return typeof this.#source === 'function';
  }

  /** The gateway said that `used` is no good; undefined: that it wants one. A newer one that is there already stays. */
  refuse(used: string | undefined): void {
    this.#refused = used ?? '';
    if (this.#current === used) this.#current = undefined;
  }

  /**
   * A token to connect with; undefined: without one; null: there is none just now. `now`: ms, by the gateway's clock;
   * one that ends within 2 s is not used any more. Rejects with a PulsegateError: there will be none.
   */
  async get(now: number): Promise<string | null | undefined> {
    const current = this.#current;
    return current !== undefined && !(endOf(current)! <= now + 2000) ? current : this.renew();
  }

  /** The same, a new one. */
  renew(): Promise<string | null | undefined> {
    return (this.#pending ??= this.#ask().finally(() => (this.#pending = undefined)));
  }

  async #ask(): Promise<string | null | undefined> {
    const source = this.#source;
    let token: string | null | undefined;
    try {
      token = typeof source === 'function' ? (await source(this.#refused || undefined)) ?? null : source;
    } catch (cause) {
      if (cause instanceof TypeError) return null;
      throw new PulsegateError('token-failed', `no token: ${(cause as Error)?.message ?? cause}`, true, undefined, cause);
    }
    if (this.#refused !== undefined && (token ?? '') === this.#refused && token !== null)
      throw new PulsegateError('token-refused', 'the gateway refused the token, and there is no other', true);
    this.#current = token ?? undefined;
    return token;
  }
}
