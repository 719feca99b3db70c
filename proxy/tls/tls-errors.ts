/** How a failed handshake reads in Envoy, whose library is BoringSSL. */

/** The numbers of BoringSSL's reasons, by their names, where OpenSSL has the same. */
const reasons: Record<string, number> = {
  CERTIFICATE_VERIFY_FAILED: 125,
  CONNECTION_REJECTED: 133,
  HTTP_REQUEST: 156,
  NO_SHARED_CIPHER: 184,
  PEER_DID_NOT_RETURN_A_CERTIFICATE: 192,
  UNEXPECTED_MESSAGE: 223,
  UNSUPPORTED_PROTOCOL: 240,
  WRONG_VERSION_NUMBER: 247,
  SSLV3_ALERT_UNEXPECTED_MESSAGE: 1010,
  SSLV3_ALERT_BAD_RECORD_MAC: 1020,
  SSLV3_ALERT_HANDSHAKE_FAILURE: 1040,
  SSLV3_ALERT_BAD_CERTIFICATE: 1042,
  SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 1043,
  SSLV3_ALERT_CERTIFICATE_REVOKED: 1044,
  SSLV3_ALERT_CERTIFICATE_EXPIRED: 1045,
  SSLV3_ALERT_CERTIFICATE_UNKNOWN: 1046,
  SSLV3_ALERT_ILLEGAL_PARAMETER: 1047,
  TLSV1_ALERT_UNKNOWN_CA: 1048,
  TLSV1_ALERT_ACCESS_DENIED: 1049,
  TLSV1_ALERT_DECODE_ERROR: 1050,
  TLSV1_ALERT_DECRYPT_ERROR: 1051,
  TLSV1_ALERT_PROTOCOL_VERSION: 1070,
  TLSV1_ALERT_INSUFFICIENT_SECURITY: 1071,
  TLSV1_ALERT_INTERNAL_ERROR: 1080,
  TLSV1_ALERT_USER_CANCELLED: 1090,
  TLSV1_UNRECOGNIZED_NAME: 1112,
  TLSV1_CERTIFICATE_REQUIRED: 1116,
  TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 1120,
};

/** OpenSSL's names of what BoringSSL names otherwise. */
const otherNames: Record<string, string> = {
  TLSV13_ALERT_CERTIFICATE_REQUIRED: 'TLSV1_CERTIFICATE_REQUIRED',
  TLSV1_ALERT_UNRECOGNIZED_NAME: 'TLSV1_UNRECOGNIZED_NAME',
};

/** The library's part of an error code: 16 is SSL. */
const library = 16 << 24;

/**
 * @param name BoringSSL's name of the reason
 * @param more what Envoy's own check has to say
 */
export function describeTlsError(name: string, more?: string): string {
  const detail = more === undefined ? '' : `:${more}`;
  return `TLS_error:|${library + (reasons[name] ?? 0)}:SSL routines:OPENSSL_internal:${name}${detail}:TLS_error_end`;
}

/** What a connection fails by where a secret has not come yet. */
export const secretMissing = 'TLS error: Secret is not supplied by SDS';

/** Why verification failed, as the reason of a connection's failure. */
export const describeRefusal = (reason: string): string =>
  describeTlsError('CERTIFICATE_VERIFY_FAILED', `verify cert failed: ${reason}`);

/** The reason's name of an error that OpenSSL gave; undefined where the connection ended without one. */
export function reasonName({ code }: NodeJS.ErrnoException): string | undefined {
  if (code === undefined || !code.startsWith('ERR_SSL_')) return undefined;
  const name = code.slice('ERR_SSL_'.length).replace(/^SSL\/TLS_/, 'SSLV3_');
  // What is no TLS at all is named by what it looks like.
  if (name === 'PACKET_LENGTH_TOO_LONG' || name === 'RECORD_LAYER_FAILURE') return 'WRONG_VERSION_NUMBER';
  return otherNames[name] ?? name;
}
