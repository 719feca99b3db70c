/** minikube as a named choice: `--context minikube` or `--context minikube:PROFILE`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ProviderError } from '../provider.ts';

const run = promisify(execFile);
const statusMs = 20_000;
const loadMs = 600_000;

/** The profile that a `--context` names: minikube's context has the profile's name. Undefined: it is no minikube. */
export function minikubeProfile(context: string | undefined): string | undefined {
  const [, profile] = /^minikube(?::([\w.-]+))?$/.exec(context ?? '') ?? [];
  if (context?.split(':')[0] !== 'minikube') return undefined;
  return profile ?? 'minikube';
}

/** What starts a profile that can hold sandboxes: pods with users of their own need containerd 2 or newer. */
const startLine = (profile: string): string => `minikube start -p ${profile} --container-runtime=containerd`;

/** Checks that a profile runs. @throws ProviderError with the line that starts it */
export async function checkMinikube(profile: string): Promise<void> {
  const status = await minikube(['status', '-p', profile, '-o', 'json'], statusMs);
  // A multi-node profile answers with a list.
  const parsed = parse(status);
  const nodes = (Array.isArray(parsed) ? parsed : [parsed]) as { Host?: string; APIServer?: string }[];
  const down = nodes.find(
    ({ Host, APIServer }) => Host !== 'Running' || !/^(Running|Irrelevant)$/.test(APIServer ?? ''),
  );
  if (down) throw new ProviderError('unusable', `minikube's profile ${profile} does not run`, startLine(profile));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProviderError('unusable', `minikube said ${JSON.stringify(text.slice(0, 200))}`, 'minikube status');
  }
}

/** Whether a profile's nodes have the image. */
export async function minikubeHas(profile: string, image: string): Promise<boolean> {
  const list = await minikube(['image', 'ls', '-p', profile], statusMs);
  return list.split('\n').some(line => line.trim() === image || line.trim() === `docker.io/library/${image}`);
}

/** Brings an image of the local Docker daemon to a profile's nodes. */
export async function minikubeLoad(profile: string, image: string): Promise<void> {
  await minikube(['image', 'load', image, '-p', profile], loadMs);
}

async function minikube(args: string[], timeout: number): Promise<string> {
  try {
    return (await run('minikube', args, { timeout })).stdout;
  } catch (thrown) {
    const error = thrown as NodeJS.ErrnoException & { stdout?: string; stderr?: string };
    if (error.code === 'ENOENT')
      throw new ProviderError('unusable', 'minikube is not installed', 'https://minikube.sigs.k8s.io/docs/start');
    // `status` tells by its exit code too that something does not run.
    if (error.stdout?.trim().match(/^[[{]/)) return error.stdout;
    const profile = args[args.indexOf('-p') + 1] ?? 'minikube';
    const said = (error.stderr || error.message).trim().split('\n').at(-1);
    throw new ProviderError('unusable', `minikube ${args[0]} failed: ${said}`, startLine(profile));
  }
}
