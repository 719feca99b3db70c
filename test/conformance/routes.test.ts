import { compare } from './comparison.ts';
import { routes } from './scenarios/all.ts';

compare(routes);
