/** What Envoy refuses of TLS contexts, in its words: they are compiled as the data plane will. */
import { fromJson } from '@bufbuild/protobuf';
import {
  type DownstreamTlsContext,
  DownstreamTlsContextSchema,
  type UpstreamTlsContext,
  UpstreamTlsContextSchema,
} from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { compileTlsContext } from '../tls/tls-context.ts';
import type { JsonObject } from './json.ts';

/** @throws what is wrong with it: TlsConfigurationError, UnreadableSource */
export function checkTlsContext(typeName: string, value: JsonObject): void {
  const server = typeName === DownstreamTlsContextSchema.typeName;
  const { '@type': _, ...fields } = value;
  const schema = server ? DownstreamTlsContextSchema : UpstreamTlsContextSchema;
  const { commonTlsContext: common } = fromJson(schema, fields) as DownstreamTlsContext | UpstreamTlsContext;
  compileTlsContext(common, server ? 'server' : 'client');
}
