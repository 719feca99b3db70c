/** What a service of access logs is told of a client's TLS. */
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import { writeMessage, writeText } from '../grpc/wire.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { Certificate } from '../tls/certificate.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';
import { writeNumber, writeWrapped } from './grpc-fields.ts';

const versions = ['', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

/** @see https://www.iana.org/assignments/tls-parameters/tls-parameters.xhtml#tls-parameters-4 */
const cipherNumbers = new Map([
  ['TLS_AES_128_GCM_SHA256', 0x1301],
  ['TLS_AES_256_GCM_SHA384', 0x1302],
  ['TLS_CHACHA20_POLY1305_SHA256', 0x1303],
  ['ECDHE-ECDSA-AES128-GCM-SHA256', 0xc02b],
  ['ECDHE-ECDSA-AES256-GCM-SHA384', 0xc02c],
  ['ECDHE-RSA-AES128-GCM-SHA256', 0xc02f],
  ['ECDHE-RSA-AES256-GCM-SHA384', 0xc030],
  ['ECDHE-RSA-CHACHA20-POLY1305', 0xcca8],
  ['ECDHE-ECDSA-CHACHA20-POLY1305', 0xcca9],
]);

/** A `TLSProperties`. */
export function writeTlsProperties(
  writer: BinaryWriter,
  field: number,
  tls: TlsFacts,
  { requestedServerName, ja3 }: Pick<StreamInfo, 'requestedServerName' | 'ja3'>,
): void {
  writeMessage(writer, field, () => {
    writeNumber(writer, 1, Math.max(0, versions.indexOf(tls.version)));
    const cipher = cipherNumbers.get(tls.cipher);
    if (cipher !== undefined) writeWrapped(writer, 2, cipher);
    writeText(writer, 3, requestedServerName);
    writeCertificate(writer, 4, tls.local);
    writeCertificate(writer, 5, tls.peer);
    writeText(writer, 6, tls.sessionId);
    writeText(writer, 7, ja3);
  });
}

function writeCertificate(writer: BinaryWriter, field: number, certificate: Certificate | undefined): void {
  writeMessage(writer, field, () => {
    if (certificate === undefined) return;
    for (const uri of certificate.namesOf('uri')) writeMessage(writer, 1, () => writeText(writer, 1, uri));
    for (const dns of certificate.namesOf('dns')) writeMessage(writer, 1, () => writeText(writer, 2, dns));
    writeText(writer, 2, certificate.subject);
    writeText(writer, 3, certificate.issuer);
  });
}
