/** Why a sandbox could not be made or ended. */
export class BoxError extends Error {
  readonly code: 'no-capacity' | 'failed' | 'invalid';
  constructor(code: BoxError['code'], message: string) {
    super(message);
    this.name = 'BoxError';
    this.code = code;
  }
}
