import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName), tags.labelName], color: 'var(--terminal-blue)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--terminal-green)' },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword, tags.atom], color: 'var(--terminal-magenta)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--text-quiet)' },
  { tag: [tags.punctuation, tags.separator, tags.bracket], color: 'var(--text-quiet)' },
  { tag: tags.invalid, color: 'var(--danger)' },
]);

/** The search panel brings a look of its own: it gets that of the page's buttons and fields. */
const searchPanel = {
  '.cm-panel.cm-search': { padding: 'var(--space-2) var(--space-6) var(--space-2) var(--space-3)', font: 'inherit' },
  '.cm-panel.cm-search label': { fontSize: 'var(--size-small)', marginRight: 'var(--space-2)' },
  '.cm-panel.cm-search input[type=checkbox]': { marginRight: 'var(--space-1)' },
  '.cm-panel.cm-search [name=close]': {
    top: 'var(--space-2)',
    right: 'var(--space-2)',
    width: 'var(--control)',
    height: 'var(--control)',
    borderRadius: 'var(--radius)',
    fontSize: 'var(--size-text)',
    cursor: 'pointer',
  },
  '.cm-panel.cm-search [name=close]:hover': { backgroundColor: 'var(--ground-hover)' },
  '.cm-textfield': {
    height: 'var(--control)',
    margin: '0 var(--space-1) 0 0',
    padding: '0 var(--space-2)',
    border: 'var(--line-width) solid var(--line-strong)',
    borderRadius: 'var(--radius)',
    backgroundColor: 'var(--ground)',
    fontSize: 'var(--size-small)',
  },
  '.cm-button': {
    height: 'var(--control)',
    margin: '0 var(--space-1) 0 0',
    padding: '0 var(--space-2)',
    border: 'var(--line-width) solid var(--line)',
    borderRadius: 'var(--radius)',
    background: 'var(--ground)',
    fontSize: 'var(--size-small)',
    cursor: 'pointer',
  },
  '.cm-button:hover': { background: 'var(--ground-hover)', borderColor: 'var(--line-strong)' },
  '.cm-button:active': { background: 'var(--ground-hover)' },
};

const look = EditorView.theme({
  '&': {
    height: '100%',
    backgroundColor: 'var(--terminal-ground)',
    color: 'var(--terminal-text)',
    fontSize: 'var(--size-code)',
  },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: 'var(--lead-code)' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)' },
  '.cm-content': { caretColor: 'var(--accent)', padding: 'var(--space-2) 0' },
  '.cm-line': { padding: '0 var(--space-3)' },
  '.cm-gutters': {
    backgroundColor: 'var(--terminal-ground)',
    color: 'var(--text-quiet)',
    borderRight: 'var(--line-width) solid var(--line)',
  },
  '.cm-lineNumbers .cm-gutterElement': { padding: '0 var(--space-2) 0 var(--space-3)' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--ground-hover)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--terminal-selection)',
  },
  '.cm-panels': { backgroundColor: 'var(--ground-raised)', color: 'var(--text)' },
  '.cm-panels.cm-panels-top': { borderBottom: 'var(--line-width) solid var(--line)' },
  '.cm-searchMatch': { backgroundColor: 'var(--warning-ground)', outline: 'var(--line-width) solid var(--warning)' },
  '.cm-searchMatch.cm-searchMatch-selected': { backgroundColor: 'var(--terminal-selection)' },
  '.cm-selectionMatch': { backgroundColor: 'var(--ground-hover)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-ground)', color: 'inherit' },
  ...searchPanel,
});

/** What a YAML editor needs. Tab indents; Escape, then Tab, leaves (the editor's own way out). */
export function extensions(label: string, save: () => void, changed: () => void): Extension[] {
  return [
    lineNumbers(),
    highlightSpecialChars(),
    history(),
    drawSelection(),
    indentOnInput(),
    indentUnit.of('  '),
    bracketMatching(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    search({ top: true }),
    yaml(),
    syntaxHighlighting(colours),
    look,
    EditorState.tabSize.of(2),
    EditorView.contentAttributes.of({ 'aria-label': label }),
    keymap.of([
      { key: 'Mod-s', run: () => (save(), true), preventDefault: true },
      indentWithTab,
      ...searchKeymap,
      ...historyKeymap,
      ...defaultKeymap,
    ]),
    EditorView.updateListener.of(update => update.docChanged && changed()),
  ];
}
