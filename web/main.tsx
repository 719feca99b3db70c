import { render } from 'preact';
import '@xterm/xterm/css/xterm.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/learner.css';
import './styles/lesson.css';
import './styles/work.css';
import './styles/traces.css';
import './styles/join.css';
import './styles/print.css';
import { Application } from './application.tsx';
import { applyTheme } from './state/preferences.ts';
import { followFragment, followHistory, takeFragment } from './state/route.ts';

const fragment = takeFragment();
applyTheme();
followHistory();
followFragment();
render(<Application fragment={fragment} />, document.getElementById('application') as HTMLElement);
