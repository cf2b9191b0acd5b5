// Who the page is for the gateway: the token, if there has to be one, and the clients that carry it.
import { PulsegateClient, type ClientOptions } from 'pulsegate-client';
import { h } from './dom.js';

const KEY = 'pulsegate.token';

/** Where the gateway is: the page's own address, with the path before it that a proxy may have added. */
export function gatewayAddress(): string {
  return location.origin + location.pathname.replace(/[^/]*$/, '').replace(/\/+$/, '');
}

export class Session {
  /** A host page, or whoever sits at the console, may give this: it is asked for a new token before the old one ends. */
  renewToken?: () => Promise<string> | string;
  #token: string | undefined;
  #asking?: Promise<string>;

  /** `onToken`: there is one now, and views that have given up should begin anew. */
  constructor(private readonly onToken: () => void) {
    const given = new URLSearchParams(location.hash.slice(1)).get('token');
    if (given) history.replaceState(history.state, '', location.pathname + location.search);
    this.#token = given ?? this.#stored();
    if (given) this.#store(given);
  }

  client(options: ClientOptions): PulsegateClient {
    const client = new PulsegateClient({
      url: gatewayAddress(),
      ...(this.#token === undefined ? {} : { token: (refused?: string) => this.#give(refused) }),
      ...options,
    });
    const hadToken = this.#token !== undefined;
    client.on('error', (error) => {
      if (!hadToken && error.fatal && (error.code === 'token-refused' || error.code === 'close-4401')) void this.#first();
    });
    return client;
  }

  setToken(token: string): void {
    this.#token = token;
    this.#store(token);
  }

  async #first(): Promise<void> {
    this.setToken(await this.#another('This gateway wants a token.'));
    this.onToken();
  }

  async #give(refused?: string): Promise<string> {
    if (this.renewToken && (refused === undefined || refused === this.#token)) this.setToken(await this.renewToken());
    else if (refused !== undefined && refused === this.#token)
      this.setToken(await this.#another('The token has ended, or is not accepted any more.'));
    return this.#token!;
  }

  #another(why: string): Promise<string> {
    return (this.#asking ??= this.renewToken ? Promise.resolve(this.renewToken()) : ask(why)).finally(() => (this.#asking = undefined));
  }

  #stored(): string | undefined {
    try {
      return sessionStorage.getItem(KEY) ?? undefined;
    } catch {
      return undefined;
    }
  }

  #store(token: string): void {
    try {
      sessionStorage.setItem(KEY, token);
    } catch {
      // Then it lasts as long as the page.
    }
  }
}

/** It cannot be dismissed: without a token there is nothing to show. */
function ask(why: string): Promise<string> {
  return new Promise((resolve) => {
    const field = h('input', { name: 'token', type: 'password', required: true, autocomplete: 'off', spellcheck: 'false', 'data-testid': 'token' });
    const dialog = h('dialog', { class: 'card dialog', 'aria-labelledby': 'token-title' },
      h('form', { method: 'dialog' },
        h('h2', { id: 'token-title' }, 'Token'),
        h('p', {}, why, ' It is kept in this tab until that is closed.'),
        h('label', {}, 'Token (JWT)', field),
        h('div', { class: 'actions' }, h('button', { class: 'primary' }, 'Use it'))));
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(field.value.trim());
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
