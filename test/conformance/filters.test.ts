import { compare } from './comparison.ts';
import { filters, traces } from './scenarios/all.ts';

compare([...filters, ...traces]);
