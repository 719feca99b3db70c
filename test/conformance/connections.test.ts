import { compare } from './comparison.ts';
import { connections } from './scenarios/all.ts';

compare(connections);
