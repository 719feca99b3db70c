import type { Scenario } from '../scenario.ts';
import { adminInterface } from './admin.ts';
import { accessLogFormat, badRequests, headers } from './basics.ts';
import { breakers, localReplies, retries } from './failures.ts';
import { lessons } from './lessons.ts';
import { routing } from './routing.ts';

export const scenarios: Scenario[] = [
  ...lessons,
  headers,
  badRequests,
  accessLogFormat,
  localReplies,
  retries,
  breakers,
  routing,
  adminInterface,
];
