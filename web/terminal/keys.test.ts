import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KeyMeaning, meaningOf } from './keys.ts';

const none = { ctrlKey: false, shiftKey: false, altKey: false, metaKey: false };
const control = { ...none, ctrlKey: true };
const both = { ...control, shiftKey: true };

const cases: [string, Parameters<typeof meaningOf>[0], { selected?: boolean; armed?: boolean }, KeyMeaning][] = [
  ['a letter', { key: 'a', code: 'KeyA', ...none }, {}, 'shell'],
  ['Tab completes', { key: 'Tab', code: 'Tab', ...none }, {}, 'shell'],
  ['Escape goes to the shell, and arms leaving', { key: 'Escape', code: 'Escape', ...none }, {}, 'arm-leaving'],
  ['Tab after Escape leaves', { key: 'Tab', code: 'Tab', ...none }, { armed: true }, 'leave'],
  [
    'Shift-Tab after Escape leaves backwards',
    { key: 'Tab', code: 'Tab', ...none, shiftKey: true },
    { armed: true },
    'leave-back',
  ],
  ['Ctrl-C interrupts', { key: 'c', code: 'KeyC', ...control }, {}, 'shell'],
  ['Ctrl-C copies what is selected', { key: 'c', code: 'KeyC', ...control }, { selected: true }, 'copy'],
  ['Ctrl-V is the browser’s paste', { key: 'v', code: 'KeyV', ...control }, {}, 'browser'],
  ['Ctrl-Shift-C copies', { key: 'C', code: 'KeyC', ...both }, {}, 'copy'],
  ['Ctrl-Shift-F searches', { key: 'F', code: 'KeyF', ...both }, {}, 'search'],
  ['Ctrl-Shift-arrow leaves at once', { key: 'ArrowLeft', code: 'ArrowLeft', ...both }, {}, 'leave-back'],
  ['Ctrl-D ends the shell', { key: 'd', code: 'KeyD', ...control }, {}, 'shell'],
  ['Alt-V is the shell’s', { key: 'v', code: 'KeyV', ...control, altKey: true }, {}, 'shell'],
];

for (const [name, key, state, meaning] of cases)
  test(name, () => assert.equal(meaningOf(key, { selected: false, armed: false, ...state }), meaning));
