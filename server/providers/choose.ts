import { StartError } from '../errors.ts';
import type { Settings } from '../settings.ts';
import type { Provider } from './provider.ts';

/** The provider that was asked for, else the one for this machine. */
export async function chooseProvider(settings: Settings): Promise<Provider> {
  const name = settings.provider ?? 'local';
  if (name !== 'local') {
    throw new StartError(`The provider ${name} is not there yet.`, 'Use --provider local.');
  }
  const { LocalProvider } = await import('./local/provider.ts');
  return new LocalProvider({ data: settings.data });
}
