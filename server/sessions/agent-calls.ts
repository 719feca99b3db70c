import { UnicornError } from '../errors.ts';

/** What the agent refuses, in the words of the API. */
export async function askAgent<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translate(error);
  }
}

function translate(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'AgentError' || !('code' in error)) return error;
  const options = { cause: error };
  switch (error.code) {
    case 'busy':
      return new UnicornError(
        'busy',
        'The terminal is busy.',
        'Wait until its command has ended, or end it with Ctrl-C.',
        options,
      );
    case 'not-found':
      return new UnicornError('not-found', error.message, undefined, options);
    case 'too-large':
      return new UnicornError('too-large', error.message, undefined, options);
    case 'invalid':
    case 'refused':
    case 'unsupported':
      return new UnicornError('invalid', error.message, undefined, options);
    case 'timed-out':
      return new UnicornError(
        'timed-out',
        'The sandbox did not answer in time.',
        'Try again; start the sandbox anew if it stays so.',
        options,
      );
    default:
      return new UnicornError(
        'unavailable',
        'The sandbox does not answer right now.',
        'Try again in a moment.',
        options,
      );
  }
}
