import { compare } from './comparison.ts';
import { filters } from './scenarios/all.ts';

compare(filters);
