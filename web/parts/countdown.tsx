import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

/** The time, to the second, while somebody looks at it. */
export const now = signal(Date.now());
let watchers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** Keeps `now` going while the component is shown. */
export function useNow(): number {
  useEffect(() => {
    watchers += 1;
    now.value = Date.now();
    if (watchers === 1)
      timer = setInterval(() => {
        now.value = Date.now();
      }, 1000);
    return () => {
      watchers -= 1;
      if (watchers === 0) clearInterval(timer);
    };
  }, []);
  return now.value;
}

/** Seconds until then. Not read out: it would be, every second. */
export function Countdown({ toMs }: { toMs: number }) {
  return <span aria-hidden="true">{Math.max(0, Math.ceil((toMs - useNow()) / 1000))} s</span>;
}

/** When a lost connection is tried again; null: right now. */
export function NextTry({ atMs }: { atMs: number | null }) {
  return atMs === null ? (
    <>Trying now …</>
  ) : (
    <>
      Next try in <Countdown toMs={atMs} />.
    </>
  );
}
