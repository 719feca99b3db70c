import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { lessonShare, lessonShareAtFirst } from '../state/preferences.ts';

const least = 25;
const most = 60;
const step = 2;

/** The line between lesson and terminals: drag it, or move it by arrow keys; it stays where it was left. */
export function Divider() {
  const place = useRef<HTMLDivElement>(null);
  const share = useShare(place);
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
    const to = { ArrowLeft: share - step, ArrowRight: share + step, Home: least, End: most }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    set(to);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a separator that moves is no <hr>
    <div
      ref={place}
      class="divider"
      role="separator"
      tabIndex={0}
      aria-label="Width of the lesson"
      aria-orientation="vertical"
      aria-valuemin={least}
      aria-valuemax={most}
      aria-valuenow={Math.round(share)}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
      onDblClick={() => set(lessonShareAtFirst)}
    />
  );
}

/** The lesson's share of the width: as it was left, or, before it was ever moved, as it happens to be. */
function useShare(place: { current: HTMLElement | null }): number {
  const measured = useSignal(lessonShareAtFirst);
  useEffect(() => {
    const lesson = place.current?.previousElementSibling;
    const workspace = place.current?.parentElement;
    if (!lesson || !workspace) return;
    const observer = new ResizeObserver(() => {
      const { width } = workspace.getBoundingClientRect();
      if (width > 0) measured.value = (lesson.getBoundingClientRect().width / width) * 100;
    });
    observer.observe(lesson);
    return () => observer.disconnect();
  }, []);
  return lessonShare.value === lessonShareAtFirst ? measured.value : lessonShare.value;
}

function set(share: number): void {
  lessonShare.value = Math.min(most, Math.max(least, Math.round(share * 10) / 10));
}
