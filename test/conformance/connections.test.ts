import { compare } from './comparison.ts';
import { connections, discovery } from './scenarios/all.ts';

compare([...connections, ...discovery]);
