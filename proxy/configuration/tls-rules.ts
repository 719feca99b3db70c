/** What Envoy refuses of TLS contexts, in its words: they are compiled as the data plane will. */
import { fromJson } from '@bufbuild/protobuf';
import {
  type DownstreamTlsContext,
  DownstreamTlsContextSchema,
  type UpstreamTlsContext,
  UpstreamTlsContextSchema,
} from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { checkKeyLog } from '../tls/key-log.ts';
import { checkExpectation } from '../tls/tls-client.ts';
import { compileTlsContext } from '../tls/tls-context.ts';
import { serverSettings } from '../tls/tls-server.ts';
import type { JsonObject } from './json.ts';

/** @throws what is wrong with it: TlsConfigurationError, UnreadableSource */
export function checkTlsContext(typeName: string, value: JsonObject): void {
  const server = typeName === DownstreamTlsContextSchema.typeName;
  const { '@type': _, ...fields } = value;
  const schema = server ? DownstreamTlsContextSchema : UpstreamTlsContextSchema;
  const context = fromJson(schema, fields) as DownstreamTlsContext | UpstreamTlsContext;
  checkKeyLog(context.commonTlsContext?.keyLog);
  if (context.$typeName === DownstreamTlsContextSchema.typeName)
    compileTlsContext(context.commonTlsContext, 'server', serverSettings(context as DownstreamTlsContext));
  else {
    checkExpectation(context as UpstreamTlsContext);
    compileTlsContext(context.commonTlsContext, 'client');
  }
}
