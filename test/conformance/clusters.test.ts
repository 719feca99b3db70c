import { compare } from './comparison.ts';
import { clusters } from './scenarios/all.ts';

compare(clusters);
