import { type ComponentType, createElement } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Problem } from './problem.tsx';

/** A component whose code is loaded when it is first shown. `what` names it while that takes, or when it fails. */
export function lazily<P extends object>(load: () => Promise<ComponentType<P>>, what: string): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [state, setState] = useState<'loading' | 'ready' | 'failed'>(loaded === null ? 'loading' : 'ready');
    const start = async () => {
      setState('loading');
      try {
        loaded = await load();
        setState('ready');
      } catch {
        setState('failed');
      }
    };
    useEffect(() => {
      if (loaded === null) void start();
    }, []);
    if (state === 'ready' && loaded !== null) return createElement(loaded, props);
    if (state === 'loading') return <p class="loading quiet-text small">Loading {what} …</p>;
    const remedy = 'Is the server still running? Then try again.';
    return (
      <Problem
        what={`Loading ${what} failed.`}
        remedy={remedy}
        action={{ label: 'Try again', run: () => void start() }}
      />
    );
  };
}
