/** What OpenSSL found wrong with the chain of a peer's certificate, in BoringSSL's words. */
import type { TLSSocket } from 'node:tls';

const words: Record<string, string> = {
  UNABLE_TO_GET_ISSUER_CERT: 'unable to get issuer certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unable to get local issuer certificate',
  // OpenSSL goes on after the missing issuer, and ends with this.
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to get local issuer certificate',
  UNABLE_TO_GET_CRL: 'unable to get certificate CRL',
  CERT_REVOKED: 'certificate revoked',
  CERT_HAS_EXPIRED: 'certificate has expired',
  CERT_NOT_YET_VALID: 'certificate is not yet valid',
  CERT_SIGNATURE_FAILURE: 'certificate signature failure',
  CRL_HAS_EXPIRED: 'CRL has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self signed certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'self signed certificate in certificate chain',
  INVALID_CA: 'invalid CA certificate',
  INVALID_PURPOSE: 'unsupported certificate purpose',
};

/** Node's own sockets ask this of their handle; for a socket that is no `tls.Server`'s nobody does. */
interface VerifyingHandle {
  verifyError(): (Error & { code?: string }) | null | undefined;
}

export interface ChainError {
  readonly reason: string;
  /** It is not valid now: what else there may be is not told. */
  readonly outOfTime: boolean;
}

/** Undefined where the chain ends at a trusted authority. */
export function chainError(socket: TLSSocket): ChainError | undefined {
  const handle = (socket as unknown as { _handle: VerifyingHandle | null })._handle;
  if (typeof handle?.verifyError !== 'function') return { reason: 'the chain could not be verified', outOfTime: false };
  const error = handle.verifyError();
  if (error == null) return undefined;
  const { code = '', message } = error;
  return { reason: words[code] ?? message, outOfTime: code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID' };
}
