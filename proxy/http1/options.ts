/** What a connection of HTTP/1 takes beyond the usual, and how it writes. */
import type { Http1ProtocolOptions } from '../api/envoy/config/core/v3/protocol_pb.js';
import { type NameStyle, nameStyle } from './header-names.ts';

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto#config-core-v3-http1protocoloptions */
export interface Http1Options {
  /** Requests in HTTP/1.0 are served. */
  acceptsHttp10: boolean;
  /** Whom a request in HTTP/1.0 is for that does not say; '': such a one is refused. */
  defaultHost: string;
  /** Targets may be whole URLs. */
  takesUrls: boolean;
  /** Targets are whole URLs. */
  sendsUrls: boolean;
  /** Trailers are passed on; otherwise they end here. */
  trailers: boolean;
  /** Methods may be any tokens. */
  customMethods: boolean;
  /** A message that breaks the rules, but whose end is known, is answered, and its connection goes on. */
  streamErrorOnInvalidMessage: boolean;
  names: NameStyle;
}

/** @param endsStreams what holds for both versions of HTTP where these options do not say */
export function http1Options(options: Http1ProtocolOptions | undefined, endsStreams = false): Http1Options {
  return {
    acceptsHttp10: options?.acceptHttp10 ?? false,
    defaultHost: options?.defaultHostForHttp10 ?? '',
    takesUrls: options?.allowAbsoluteUrl ?? true,
    sendsUrls: options?.sendFullyQualifiedUrl ?? false,
    trailers: options?.enableTrailers ?? false,
    customMethods: options?.allowCustomMethods ?? false,
    streamErrorOnInvalidMessage: options?.overrideStreamErrorOnInvalidHttpMessage ?? endsStreams,
    names: nameStyle(options?.headerKeyFormat),
  };
}

export const defaultOptions: Http1Options = http1Options(undefined);
