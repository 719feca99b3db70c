import { StartError } from '../errors.ts';
import type { Settings } from '../settings.ts';
import type { Provider, ProviderName } from './provider.ts';

/** The provider that was asked for, else the one for this machine. */
export async function chooseProvider(settings: Settings): Promise<Provider> {
  return makeProvider(settings.provider ?? (await usualProvider()), settings);
}

/** @throws StartError where there is no such provider */
export async function makeProvider(
  name: ProviderName,
  { data, image }: Pick<Settings, 'data' | 'image'>,
): Promise<Provider> {
  switch (name) {
    case 'local': {
      const { LocalProvider } = await import('./local/provider.ts');
      return new LocalProvider({ data });
    }
    case 'docker': {
      const { DockerProvider } = await import('./docker/provider.ts');
      return new DockerProvider(image === null ? { data } : { data, image });
    }
    default:
      throw new StartError(`The provider ${name} is not there yet.`, 'Use --provider local or --provider docker.');
  }
}

/** This machine itself, where it looks as if it could; else Docker, where a daemon seems to be there. Guessed quickly: `probe` tries. */
async function usualProvider(): Promise<ProviderName> {
  const { firstFindings } = await import('./local/doctor.ts');
  if (firstFindings().every(({ state }) => state !== 'missing')) return 'local';
  const { findEndpoint, seemsThere } = await import('../docker/endpoint.ts');
  return seemsThere(findEndpoint()) ? 'docker' : 'local';
}
