import { compare } from './comparison.ts';
import { observability } from './scenarios/all.ts';

compare(observability);
