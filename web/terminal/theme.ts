import type { ITheme } from '@xterm/xterm';

const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

/** The terminal's colours, as the page's tokens have them now; on another ground while its connection is away. */
export function terminalTheme(away = false): ITheme {
  const probe = document.createElement('span');
  document.body.append(probe);
  const token = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const theme = { ...grounds(token, away ? 'ground-sunk' : 'terminal-ground'), ...ansi(token) };
  probe.remove();
  return theme;
}

function grounds(token: (name: string) => string, ground: string): ITheme {
  return {
    background: token(ground),
    foreground: token('terminal-text'),
    cursor: token('accent'),
    cursorAccent: token('terminal-ground'),
    selectionBackground: token('terminal-selection'),
  };
}

function ansi(token: (name: string) => string): ITheme {
  const bright = (name: string) => `bright${name[0]?.toUpperCase()}${name.slice(1)}`;
  return Object.fromEntries(
    names.flatMap(name => [
      [name, token(`terminal-${name}`)],
      [bright(name), token(`terminal-bright-${name}`)],
    ]),
  );
}

/** The tokens' monospace family. */
export const monospace = (): string => getComputedStyle(document.documentElement).getPropertyValue('--mono');
