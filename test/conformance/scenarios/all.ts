import type { Scenario } from '../scenario.ts';
import { accessLogFormat, badRequests, headers } from './basics.ts';
import { breakers, localReplies, retries } from './failures.ts';
import { routing } from './routing.ts';

export const scenarios: Scenario[] = [headers, badRequests, accessLogFormat, localReplies, retries, breakers, routing];
