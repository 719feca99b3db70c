import { compare } from './comparison.ts';
import { discovery } from './scenarios/all.ts';

compare(discovery);
