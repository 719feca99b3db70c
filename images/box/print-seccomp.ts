/** Prints the seccomp profile of a container or pod around the box, as Docker and kubelets read it. */
import { containerSeccomp } from './seccomp.ts';

process.stdout.write(`${JSON.stringify(containerSeccomp)}\n`);
