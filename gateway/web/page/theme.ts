// Light, dark, or as the system says; remembered. Charts ask for the colours that hold now.
import { h } from './dom.js';

const KEY = 'pulsegate.theme';
const ORDER = ['auto', 'light', 'dark'] as const;
type Theme = (typeof ORDER)[number];

const listeners = new Set<() => void>();
const system = matchMedia('(prefers-color-scheme: dark)');
system.addEventListener('change', () => listeners.forEach((listener) => listener()));

/** Returns what ends it. */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** The value of a custom property of the style sheet: colour('line-1') */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function read(): Theme {
  try {
    const found = localStorage.getItem(KEY) as Theme;
    return ORDER.includes(found) ? found : 'auto';
  } catch {
    return 'auto';
  }
}

export function themeButton(): HTMLButtonElement {
  const button = h('button', { class: 'quiet', type: 'button', 'data-testid': 'theme' });
  const use = (theme: Theme): void => {
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = { auto: '◐', light: '☀', dark: '☾' }[theme];
    button.setAttribute('aria-label', `Colours: ${theme}. Change`);
    button.title = `Colours: ${theme}`;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Then it lasts as long as the page.
    }
    listeners.forEach((listener) => listener());
  };
  let theme = read();
  button.addEventListener('click', () => use((theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]!)));
  use(theme);
  return button;
}
