/** A block of fields that cannot be read: the connection is lost, since its tables are out of step. */
export class HpackError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'HpackError';
  }
}
