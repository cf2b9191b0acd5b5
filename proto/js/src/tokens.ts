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

/** `retry`: there is none now. An error: there will be none. */
export type TokenResult = { token?: string } | { retry: true } | { error: PulsegateError };

/** Invariant: the callback is never called again before its last promise is settled. */
export class Tokens {
  #source: string | TokenCallback | undefined;
  #current?: string;
  #refused?: string;
  #pending?: Promise<TokenResult>;

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

  /** A token to connect with. `now`: ms, by the gateway's clock; one that ends within 2 s is not used any more. */
  get(now: number): Promise<TokenResult> {
    const current = this.#current;
    if (current !== undefined && (endOf(current) ?? Infinity) > now + 2000) return Promise.resolve({ token: current });
    return this.renew();
  }

  /** A new one, from the callback. */
  renew(): Promise<TokenResult> {
    return (this.#pending ??= this.#ask().finally(() => (this.#pending = undefined)));
  }

  async #ask(): Promise<TokenResult> {
    const source = this.#source;
    if (source === undefined) return this.#refused === undefined ? {} : this.#none();
    const refused = this.#refused;
    let token: string | null;
    try {
      token = typeof source === 'string' ? source : await source(refused || undefined);
    } catch (cause) {
      if (cause instanceof TypeError) return { retry: true };
      return { error: new PulsegateError('token-failed', `no token: ${(cause as Error)?.message ?? cause}`, true, undefined, { cause }) };
    }
    if (token === null || token === undefined) return { retry: true };
    if (token === this.#refused) return this.#none();
    this.#current = token;
    return { token };
  }

  #none(): TokenResult {
    return { error: new PulsegateError('token-refused', 'the gateway refused the token, and there is no other', true) };
  }
}
