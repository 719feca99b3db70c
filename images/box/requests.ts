/** What the box program is asked, and what it answers. */
import type { LimitSupport } from './limits.ts';
import type { RuntimeSources } from './runtime.ts';
import type { BoxSpecification } from './specification.ts';

export type BoxRequest =
  /** Makes the runtime folder of these sources below `folder`, if it is not there. */
  | { method: 'prepare'; params: { folder: string; sources: RuntimeSources } }
  /** Makes a sandbox; answers when its agent does. */
  | { method: 'create'; params: BoxSpecification }
  /** Makes a sandbox that only shows that it runs; tells what it said. Leaves nothing. */
  | { method: 'trial'; params: BoxSpecification }
  /** The live sandboxes whose run folders lie below `sandboxes`. */
  | { method: 'list'; params: { sandboxes: string } }
  /** Ends one, saves its home; answers when nothing else is left. */
  | { method: 'end'; params: { runFolder: string } }
  /** Removes what dead ones left, and the runtimes that none uses, but for those in `keep`. */
  | { method: 'sweep'; params: { sandboxes: string; runtimes: string; keep: string[] } }
  /** Which limits can be set here, and how many ranges of ids there are. */
  | { method: 'support'; params: Record<string, never> };

export interface BoxResults {
  prepare: { runtime: string };
  create: Record<string, never>;
  trial: { works: boolean; said: string };
  list: { sandboxes: { id: string; homeFile: string }[] };
  end: Record<string, never>;
  sweep: Record<string, never>;
  support: { limits: LimitSupport; ranges: number };
}
