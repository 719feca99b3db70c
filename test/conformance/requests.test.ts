import { compare } from './comparison.ts';
import { requests } from './scenarios/all.ts';

compare(requests);
