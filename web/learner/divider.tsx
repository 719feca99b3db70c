import { lessonShare, lessonShareAtFirst } from '../state/preferences.ts';

const least = 25;
const most = 60;
const step = 2;

/** The line between lesson and terminals: drag it, or move it by arrow keys; it stays where it was left. */
export function Divider() {
  const moveTo = (clientX: number, workspace: DOMRect) => set(((clientX - workspace.left) / workspace.width) * 100);
  const onPointerDown = (event: PointerEvent) => {
    const grip = event.currentTarget as HTMLElement;
    const workspace = grip.parentElement?.getBoundingClientRect();
    if (workspace === undefined) return;
    grip.setPointerCapture(event.pointerId);
    const onMove = (move: PointerEvent) => moveTo(move.clientX, workspace);
    grip.addEventListener('pointermove', onMove);
    grip.addEventListener('lostpointercapture', () => grip.removeEventListener('pointermove', onMove), { once: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowLeft: lessonShare.value - step, ArrowRight: lessonShare.value + step, Home: least, End: most }[
      event.key
    ];
    if (to === undefined) return;
    event.preventDefault();
    set(to);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a separator that moves is no <hr>
    <div
      class="divider"
      role="separator"
      tabIndex={0}
      aria-label="Width of the lesson"
      aria-orientation="vertical"
      aria-valuemin={least}
      aria-valuemax={most}
      aria-valuenow={Math.round(lessonShare.value)}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
      onDblClick={() => set(lessonShareAtFirst)}
    />
  );
}

function set(share: number): void {
  lessonShare.value = Math.min(most, Math.max(least, Math.round(share * 10) / 10));
}
