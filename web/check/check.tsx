import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Mark } from '../join/join.tsx';
import { Button } from '../parts/button.tsx';
import { copyText } from '../parts/clipboard.ts';
import { Icon, type IconName } from '../parts/icon.tsx';
import { canConnect } from './connection.ts';

type Found = 'unknown' | 'works' | 'fails';

const icons: Record<Found, IconName> = { unknown: 'ring', works: 'check', fails: 'alert' };

/** Beside each other, lesson and terminal need this much, in CSS pixels. */
const wideEnough = 1000;

/** For the day before: whether this browser can do what the workshop needs, and what to do where it cannot. */
export function Check() {
  const connection = useSignal<Found>('unknown');
  const copying = useSignal<Found>('unknown');
  const width = useSignal(innerWidth);
  useEffect(() => {
    const measure = () => {
      width.value = innerWidth;
    };
    addEventListener('resize', measure);
    void connect(connection);
    return () => removeEventListener('resize', measure);
  }, []);
  const wide: Found = width.value >= wideEnough ? 'works' : 'fails';
  const all = [connection.value, copying.value, wide];
  return (
    <main class="join">
      <div class="join-card">
        <Mark />
        <h1>Is this browser ready for the workshop?</h1>
        <Row
          found={connection.value}
          titles={{ unknown: 'Connecting …', works: 'Terminals will connect', fails: 'Terminals will not connect' }}
          remedy="Something between you and the server stops WebSockets: often a company’s proxy, a VPN or an ad blocker. Try without it, on another network, or in another browser."
          action={{ label: 'Try again', run: () => void connect(connection) }}
        />
        <Row
          found={copying.value}
          titles={{
            unknown: 'Can this page copy for you?',
            works: 'Copying works',
            fails: 'This page may not copy',
          }}
          remedy="Allow the clipboard for this address in your browser’s settings. Without it, select text and press Ctrl+C, on a Mac ⌘C."
          action={{ label: 'Copy a word', run: () => void copy(copying) }}
          actionFirst
        />
        <Row
          found={wide}
          titles={{
            unknown: '',
            works: 'The window is wide enough',
            fails: `The window is narrow: ${width.value} of ${wideEnough} pixels`,
          }}
          remedy="It works, but shows lesson and terminal one at a time. Make the window wider, zoom out with Ctrl and −, or use a larger screen."
        />
        <p role="status">{all.every(found => found === 'works') ? 'All is well: you are ready.' : ''}</p>
      </div>
    </main>
  );
}

async function connect(found: Signal<Found>): Promise<void> {
  found.value = 'unknown';
  found.value = (await canConnect()) ? 'works' : 'fails';
}

async function copy(found: Signal<Found>): Promise<void> {
  found.value = (await copyText('unicorn')) ? 'works' : 'fails';
}

interface RowProps {
  found: Found;
  titles: Record<Found, string>;
  /** What to do where it fails. */
  remedy: string;
  action?: { label: string; run: () => void };
  /** The action is what finds out. */
  actionFirst?: boolean;
}

function Row({ found, titles, remedy, action, actionFirst = false }: RowProps) {
  const offered = action !== undefined && (found === 'fails' || (actionFirst && found === 'unknown'));
  return (
    <section class="readiness">
      <p>
        <Icon name={icons[found]} /> <strong>{titles[found]}</strong>
      </p>
      {found === 'fails' ? <p>{remedy}</p> : null}
      {offered ? (
        <div>
          <Button label={action.label} onClick={action.run} />
        </div>
      ) : null}
    </section>
  );
}
