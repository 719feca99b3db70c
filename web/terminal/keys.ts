/** What a key means to the page; `shell` is all that it leaves to the terminal. */
export type KeyMeaning =
  | 'shell'
  | 'leave'
  | 'leave-back'
  | 'copy'
  | 'browser'
  | 'search'
  | 'larger'
  | 'smaller'
  | 'arm-leaving';

type Key = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'shiftKey' | 'altKey' | 'metaKey'>;

/**
 * Tells what a key pressed in a terminal means. The terminal is left by Escape and then Tab, as in the editor, or by Ctrl-Shift-arrow;
 * Ctrl-C copies when something is selected and interrupts otherwise; pasting is left to the browser, which has the right to read the clipboard.
 */
export function meaningOf(key: Key, state: { selected: boolean; armed: boolean }): KeyMeaning {
  if (key.key === 'Escape') return 'arm-leaving';
  if (key.key === 'Tab' && state.armed) return key.shiftKey ? 'leave-back' : 'leave';
  if (key.shiftKey && key.key === 'Insert') return 'browser';
  if (!key.ctrlKey || key.altKey || key.metaKey) return 'shell';
  return key.shiftKey ? withShift(key) : withControl(key, state.selected);
}

function withControl(key: Key, selected: boolean): KeyMeaning {
  if (key.code === 'KeyC' && selected) return 'copy';
  if (key.key === 'Insert') return 'copy';
  return key.code === 'KeyV' ? 'browser' : 'shell';
}

function withShift(key: Key): KeyMeaning {
  switch (key.code) {
    case 'KeyC':
      return 'copy';
    case 'KeyV':
      return 'browser';
    case 'KeyF':
      return 'search';
    case 'Equal':
      return 'larger';
    case 'Minus':
      return 'smaller';
    case 'ArrowLeft':
    case 'ArrowUp':
      return 'leave-back';
    case 'ArrowRight':
    case 'ArrowDown':
      return 'leave';
    default:
      return 'shell';
  }
}
