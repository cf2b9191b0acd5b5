// Elements made by hand. Text from devices only ever becomes text nodes and attributes, never markup.

export type Child = Node | string | null | undefined | false;
type Props = Record<string, unknown>;

/** h('button', {class: 'x', onclick: f, 'aria-label': 'y', hidden: true}, 'text') */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on') && typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else if (name === 'value') (element as HTMLInputElement).value = String(value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

export function append(parent: Node, children: Child[]): void {
  for (const child of children) if (child) parent.appendChild(typeof child === 'string' ? document.createTextNode(child) : child);
}

export function replace(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

/** Writes only what has changed, so that nothing is laid out anew for nothing. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function byId(id: string): HTMLElement {
  return document.getElementById(id)!;
}

/** Said by screen readers, once the reader pauses. */
export function announce(text: string): void {
  setText(byId('announcer'), text);
}

/** What a view has started, ended with it. */
export class Scope {
  #ends: (() => void)[] = [];
  #ended = false;

  add(end: () => void): void {
    if (this.#ended) end();
    else this.#ends.push(end);
  }

  listen<K extends keyof WindowEventMap>(target: EventTarget, name: K | string, listener: (event: any) => void): void {
    target.addEventListener(name, listener);
    this.add(() => target.removeEventListener(name, listener));
  }

  every(ms: number, task: () => void): void {
    const timer = setInterval(task, ms);
    this.add(() => clearInterval(timer));
  }

  end(): void {
    this.#ended = true;
    for (const end of this.#ends.splice(0).reverse()) end();
  }
}
