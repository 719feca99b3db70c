import { Button } from '../parts/button.tsx';
import { theme } from '../state/preferences.ts';

const next = { system: 'light', light: 'dark', dark: 'system' } as const;
const icons = { system: 'system', light: 'sun', dark: 'moon' } as const;

/** Light, dark, or as the system has it. */
export function ThemeButton() {
  const label = `Theme: ${theme.value}. Change to ${next[theme.value]}.`;
  return (
    <Button
      label={label}
      icon={icons[theme.value]}
      bare
      kind="quiet"
      onClick={() => {
        theme.value = next[theme.value];
      }}
    />
  );
}
