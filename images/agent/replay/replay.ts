import { Failure } from '../failure.ts';
import type { ReplayParams, ReplayResult } from '../protocol/messages.ts';
import type { World } from '../world/world.ts';

/** See the method `replay`. */
export async function replay(_world: World, _params: ReplayParams, _signal: AbortSignal): Promise<ReplayResult> {
  throw new Failure('unsupported', 'replay is not there yet');
}
