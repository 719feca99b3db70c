/** Plays the scenario of redirected connections in the network namespace that it finds itself in, and prints what was seen. */
import { play } from './scenario.ts';
import { redirects } from './scenarios/redirects.ts';
import { findEnvoy, ours } from './subject.ts';

const [theirs, own] = await play(redirects, [findEnvoy()!, ours]);
console.log(JSON.stringify({ theirs: [...theirs!], own: [...own!] }));
