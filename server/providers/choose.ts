import type { Settings } from '../settings.ts';
import type { Provider, ProviderName } from './provider.ts';

/**
 * The provider that was asked for, else the one for this machine.
 *
 * @param owner by it servers that share a store know the sandboxes that are theirs; null: those of the data folder are
 */
export async function chooseProvider(settings: Settings, owner: string | null): Promise<Provider> {
  return makeProvider(settings.provider ?? (await usualProvider()), settings, owner);
}

/** The provider of that name; nothing is asked of the machine yet. */
export async function makeProvider(
  name: ProviderName,
  { data, image, kubernetes }: Pick<Settings, 'data' | 'image' | 'kubernetes'>,
  owner: string | null = null,
): Promise<Provider> {
  switch (name) {
    case 'local': {
      const { LocalProvider } = await import('./local/provider.ts');
      return new LocalProvider({ data });
    }
    case 'docker': {
      const { DockerProvider } = await import('./docker/provider.ts');
      return new DockerProvider({ data, owner, ...(image === null ? {} : { image }) });
    }
    case 'kubernetes': {
      const { KubernetesProvider } = await import('./kubernetes/provider.ts');
      return new KubernetesProvider({ ...kubernetes, owner: kubernetes.owner ?? owner, data, image });
    }
  }
}

/**
 * This machine itself, where it looks as if it could; else Docker, where a daemon seems to be there, and wherever sandboxes of this machine's own can
 * never be: Docker's doctor tells how to get it. Guessed quickly: `probe` tries.
 */
export async function usualProvider(platform: NodeJS.Platform = process.platform): Promise<ProviderName> {
  if (platform !== 'linux') return 'docker';
  const { firstFindings } = await import('./local/doctor.ts');
  if (firstFindings().every(({ state }) => state !== 'missing')) return 'local';
  const { findEndpoint, seemsThere } = await import('../docker/endpoint.ts');
  return seemsThere(findEndpoint()) ? 'docker' : 'local';
}
