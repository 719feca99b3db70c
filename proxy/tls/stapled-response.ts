/**
 * What the authority of a certificate says of it (OCSP), to be shown along with it. It is believed as it stands: only whom and when it is for is read.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6960#section-4.2.1
 */
import type { DataSource } from '../api/envoy/config/core/v3/base_pb.js';
import { readDataSource } from '../data-source.ts';
import type { Certificate } from './certificate.ts';
import { DerReader, fieldTag, tag } from './der.ts';
import { TlsConfigurationError } from './tls-configuration-error.ts';

export class StapledResponse {
  /** Of the certificate that it is for, in hexadecimal. */
  readonly serial: string;
  /** Milliseconds since the epoch; undefined where it has no end, which Envoy takes for over. */
  readonly #endsMs: number | undefined;
  readonly bytes: Buffer;

  /** @throws TlsConfigurationError in Envoy's words */
  constructor(bytes: Buffer) {
    const { serial, endsMs } = parseResponse(bytes);
    this.serial = serial;
    this.#endsMs = endsMs;
    this.bytes = bytes;
  }

  get expired(): boolean {
    return this.#endsMs === undefined || this.#endsMs < Date.now();
  }
}

/**
 * Undefined where there is none.
 * @throws TlsConfigurationError, UnreadableSource
 */
export function readStaple(
  source: DataSource | undefined,
  certificate: Certificate,
  demanded: boolean,
): StapledResponse | undefined {
  if (source?.specifier.case === 'inlineString')
    throw new TlsConfigurationError('OCSP staple cannot be provided via inline_string');
  const bytes = readDataSource(source);
  if (bytes === undefined || bytes.length === 0) {
    if (certificate.mustStaple)
      throw new TlsConfigurationError('OCSP response is required for must-staple certificate');
    if (demanded) throw new TlsConfigurationError('Required OCSP response is missing from TLS context');
    return undefined;
  }
  const response = new StapledResponse(bytes);
  if (response.serial !== certificate.serial.replace(/^0+/, ''))
    throw new TlsConfigurationError('OCSP response does not match its TLS certificate');
  return response;
}

interface ParsedResponse {
  serial: string;
  endsMs: number | undefined;
}

function parseResponse(bytes: Buffer): ParsedResponse {
  try {
    return readResponse(bytes);
  } catch (error) {
    if (error instanceof TlsConfigurationError) throw error;
    throw new TlsConfigurationError(`OCSP Response is not well-formed: ${(error as Error).message}`);
  }
}

function readResponse(bytes: Buffer): ParsedResponse {
  const outer = new DerReader(bytes);
  const whole = outer.takeIf(tag.sequence);
  if (whole === undefined) throw new TlsConfigurationError('OCSP Response is not a well-formed ASN.1 SEQUENCE');
  if (outer.left) throw new TlsConfigurationError('Data contained more than a single OCSP response');
  const fields = new DerReader(whole);
  if (fields.take(tag.enumerated)[0] !== 0) throw new TlsConfigurationError('OCSP response was unsuccessful');
  const body = fields.left ? fields.takeIf(fieldTag(0)) : undefined;
  if (body === undefined) throw new TlsConfigurationError('OCSP response has no body');
  const typed = new DerReader(new DerReader(body).take(tag.sequence));
  typed.next();
  const basic = new DerReader(new DerReader(typed.take(tag.octets)).take(tag.sequence));
  return readData(new DerReader(basic.take(tag.sequence)));
}

function readData(data: DerReader): ParsedResponse {
  data.takeIf(fieldTag(0));
  // Who says it.
  data.next();
  data.take(tag.time);
  const responses = new DerReader(data.take(tag.sequence));
  const only = responses.left ? responses.take(tag.sequence) : undefined;
  if (only === undefined || responses.left)
    throw new TlsConfigurationError('OCSP Response must be for one certificate only');
  const fields = new DerReader(only);
  const of = new DerReader(fields.take(tag.sequence));
  // The digest and what it makes of the issuer.
  for (const kind of [tag.sequence, tag.octets, tag.octets]) of.take(kind);
  const serial = of.take(tag.integer).toString('hex').replace(/^0+/, '');
  // What is said.
  fields.next();
  fields.take(tag.time);
  const end = fields.left ? fields.takeIf(fieldTag(0)) : undefined;
  return { serial, endsMs: end && timeOf(new DerReader(end).take(tag.time).toString('latin1')) };
}

/** `20260101000000Z` */
function timeOf(text: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  if (second === undefined) throw new TlsConfigurationError(`OCSP Response has no time of a known form: ${text}`);
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}
