/** `npm run -s images -- …`: makes the images that containers and pods run, and brings them there. */
import { parseArgs } from 'node:util';
import type Docker from 'dockerode';
import { connectTo } from '../docker/connection.ts';
import { findEndpoint } from '../docker/endpoint.ts';
import { checkMinikube, minikubeLoad, minikubeProfile } from '../providers/kubernetes/minikube.ts';
import { BaseError, localBase, makeLocalBase } from './base.ts';
import { architectureOf, buildImage, platforms, sandboxRepository, serverRepository } from './build.ts';
import { type BuildContext, sandboxContext, toolPackages } from './context.ts';
import { type BuiltImage, pruneImages, pushImage } from './distribute.ts';
import { type Architecture, imageCache } from './programs.ts';
import { serverContext } from './server-context.ts';

const usage = `images build [sandbox]      builds the image of the sandboxes with the Docker daemon that \`docker\` speaks to
images build server         builds the image of the server, for a cluster
images load minikube[:PROFILE]   builds both and loads them into minikube
images push REPOSITORY      builds both and pushes them below that path of a registry, such as registry.example.org/team
images prune                removes those of other revisions that no container has

  --base IMAGE      the image to build on (default: Debian's); local: one made here by debootstrap, without any image registry
  --tag NAME        another name for the image; may be given more than once
  --arch ARCH       x64 or arm64 (default: the daemon's own)
`;

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      base: { type: 'string' },
      tag: { type: 'string', multiple: true, default: [] },
      arch: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [command = '', what = ''] = positionals;
  const run = values.help ? undefined : commandOf(command, what, values);
  if (!run) {
    process.stdout.write(usage);
    return values.help ? 0 : 2;
  }
  await run(connectTo(findEndpoint()));
  return 0;
}

/** Undefined where there is no such command. */
function commandOf(command: string, what: string, options: Options): ((docker: Docker) => Promise<void>) | undefined {
  if (command === 'build') {
    const image = images.get(what || 'sandbox');
    return image && (async docker => print((await build(docker, image, options)).text));
  }
  const profile = minikubeProfile(what);
  if (command === 'load' && profile) return docker => load(docker, profile, options);
  if (command === 'push' && what) return docker => push(docker, what, options);
  return command === 'prune' && !what ? prune : undefined;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface Image {
  repository: string;
  context: (architecture: Architecture) => Promise<BuildContext>;
  /** Nothing is fetched. */
  network?: 'none';
}

const images = new Map<string, Image>([
  ['sandbox', { repository: sandboxRepository, context: sandboxContext }],
  ['server', { repository: serverRepository, context: serverContext, network: 'none' }],
]);

interface Options {
  base?: string;
  tag: string[];
  arch?: string;
}

async function load(docker: Docker, profile: string, options: Options): Promise<void> {
  await checkMinikube(profile);
  for (const image of images.values()) {
    const { built } = await build(docker, image, options);
    const name = `${built.repository}:${built.revision}`;
    await minikubeLoad(profile, name);
    print(`${name} is in minikube's profile ${profile}`);
  }
}

async function push(docker: Docker, destination: string, options: Options): Promise<void> {
  for (const image of images.values())
    print(await pushImage(docker, (await build(docker, image, options)).built, destination, say));
}

async function prune(docker: Docker): Promise<void> {
  const architecture = await architectureHere(docker);
  const current = [...images.values()].map(async ({ repository, context }) => {
    const { revision } = await context(architecture);
    return { repository, revision };
  });
  const removed = await pruneImages(docker, await Promise.all(current));
  print(removed.length === 0 ? 'there was nothing to remove' : `removed ${removed.join(', ')}`);
}

const architectureHere = async (docker: Docker): Promise<Architecture> =>
  architectureOf(((await docker.info()) as { Architecture: string }).Architecture);

async function build(docker: Docker, image: Image, options: Options): Promise<{ built: BuiltImage; text: string }> {
  const own = await architectureHere(docker);
  const architecture = (options.arch as Architecture | undefined) ?? own;
  if (!(architecture in platforms)) throw new BaseError(`--arch ${architecture}`, 'x64 or arm64');
  if (options.base === 'local') await makeLocalBase(docker, { packages: await toolPackages(), cache: imageCache }, say);
  const context = await image.context(architecture);
  const tags = [context.revision, 'latest'].map(tag => `${image.repository}:${tag}`).concat(options.tag);
  const base = options.base === 'local' ? localBase : options.base;
  const platform = architecture === own ? {} : { platform: platforms[architecture] };
  const network = image.network === undefined ? {} : { network: image.network };
  await buildImage(docker, context, { tags, base, ...platform, ...network }, say);
  const { Size } = await docker.getImage(tags[0]!).inspect();
  const built = { repository: image.repository, revision: context.revision };
  return { built, text: `${tags.join(' ')}, ${Math.round(Size / 1e6)} MB` };
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { message, remedy } = error as BaseError;
  process.stderr.write(`${message}\n${remedy ? `\nWhat to do: ${remedy}\n` : ''}`);
  process.exitCode = 1;
}
