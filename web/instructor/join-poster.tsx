import { signal } from '@preact/signals';
import { CopyButton } from '../lesson/command.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { classState } from './state.ts';

export const posterOpen = signal(false);

/** How to join, big enough for the last row. */
export function JoinPoster() {
  const state = classState.value;
  if (!posterOpen.value || state === null) return null;
  const address = state.joinUrl.split('#')[0] ?? state.joinUrl;
  const close = () => {
    posterOpen.value = false;
  };
  return (
    <Dialog title="Join this workshop" onClose={close} wide>
      <div class="poster">
        <p class="label">Open</p>
        <p class="poster-address">{address.replace(/\/$/, '')}</p>
        <p class="label">and type the code</p>
        <p class="poster-code">{state.code}</p>
        <CopyButton text={state.joinUrl} label="copy the link that holds both" />
      </div>
    </Dialog>
  );
}
