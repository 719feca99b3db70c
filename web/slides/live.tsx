import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { TrafficRequest } from '../../server/api.ts';
import { Button } from '../parts/button.tsx';
import { onTraffic } from '../state/learner.ts';
import { LivePicture } from './live-picture.ts';

/** In the foot of a slide whose picture is live: plays an example, and says what of the learner's own is drawn. */
export function Live({ slide }: { slide: string }) {
  const picture = useSignal<LivePicture | null>(null);
  const last = useSignal<TrafficRequest | null>(null);
  useEffect(() => {
    const live = LivePicture.in(document.querySelector(`.reveal section[data-id="${CSS.escape(slide)}"]`));
    picture.value = live;
    last.value = null;
    const stop = onTraffic(requests => {
      const own = requests.filter(request => live?.draws(request));
      live?.playRequests(own);
      last.value = own.at(-1) ?? last.value;
    });
    return () => {
      stop();
      live?.remove();
    };
  }, [slide]);
  if (picture.value === null) return null;
  return (
    <>
      <span class="live small quiet-text" role="status">
        {words(picture.value.listener, last.value)}
      </span>
      <Button label="Play an example" icon="play" onClick={() => picture.value?.playExample()} />
    </>
  );
}

function words(listener: string, last: TrafficRequest | null): string {
  if (last !== null) return `Yours: ${last.method} ${last.path}, ${last.status}`;
  if (listener === '') return '';
  return listener === '*' ? 'Your requests move here, too' : `Your requests through "${listener}" move here, too`;
}
