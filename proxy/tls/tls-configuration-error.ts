/** A TLS context that cannot be used, in Envoy's words. */
export class TlsConfigurationError extends Error {
  readonly code = 'BAD_TLS_CONTEXT';
}
