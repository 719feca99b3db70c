/** `npm run -s images -- build …`: makes the images that containers and pods run. */
import { parseArgs } from 'node:util';
import type Docker from 'dockerode';
import { connectTo } from '../docker/connection.ts';
import { findEndpoint } from '../docker/endpoint.ts';
import { BaseError, localBase, makeLocalBase } from './base.ts';
import { architectureOf, buildImage, platforms, sandboxRepository, serverRepository } from './build.ts';
import { type BuildContext, sandboxContext, toolPackages } from './context.ts';
import { type Architecture, imageCache } from './programs.ts';
import { serverContext } from './server-context.ts';

const usage = `images build [sandbox]      builds the image of the sandboxes with the Docker daemon that \`docker\` speaks to
images build server         builds the image of the server, for a cluster

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
  const [command, what = 'sandbox'] = positionals;
  const image = images.get(what);
  if (values.help || command !== 'build' || !image) {
    process.stdout.write(usage);
    return values.help ? 0 : 2;
  }
  await build(connectTo(findEndpoint()), image, values);
  return 0;
}

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

async function build(docker: Docker, image: Image, options: Options): Promise<void> {
  const own = architectureOf(((await docker.info()) as { Architecture: string }).Architecture);
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
  process.stdout.write(`${tags.join(' ')}, ${Math.round(Size / 1e6)} MB\n`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { message, remedy } = error as BaseError;
  process.stderr.write(`${message}\n${remedy ? `\nWhat to do: ${remedy}\n` : ''}`);
  process.exitCode = 1;
}
