import { compare } from './comparison.ts';
import { scenarios } from './scenarios/all.ts';

compare(scenarios);
