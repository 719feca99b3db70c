import { compare } from './comparison.ts';
import { lessons } from './scenarios/lessons.ts';

compare(lessons);
