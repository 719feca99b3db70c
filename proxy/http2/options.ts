/** What a configuration says of HTTP/2, with Envoy's defaults. */
import type { Http2ProtocolOptions } from '../api/envoy/config/core/v3/protocol_pb.js';
import { milliseconds } from '../duration.ts';
import { errorCode, Http2ConnectionError } from './errors.ts';
import { defaultFrameSize, defaultWindow, largestWindow, setting } from './frames.ts';

const mebibyte = 1024 * 1024;
const tableSize = 4096;
const largestFrameSize = 0xff_ffff;

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto#config-core-v3-http2protocoloptions */
export interface Http2Options {
  maxConcurrentStreams: number;
  /** Bytes that the peer may send on a stream, or on the connection, before we have taken some. */
  streamWindow: number;
  connectionWindow: number;
  headerTableSize: number;
  /** Clients may ask for other protocols by CONNECT (RFC 8441). */
  allowConnect: boolean;
  /** A message that breaks the rules ends its stream alone. */
  streamErrorOnInvalidMessage: boolean;
  /** Milliseconds between two pings; 0: none. */
  keepAliveIntervalMs: number;
  /** By how much of it chance makes that longer. */
  keepAliveJitter: number;
  keepAliveTimeoutMs: number;
  flood: FloodLimits;
}

/** Frames that cost a peer little and us much: how many of them are borne. */
export interface FloodLimits {
  outboundFrames: number;
  outboundControlFrames: number;
  emptyFramesInARow: number;
  priorityFramesPerStream: number;
  windowUpdatesPerDataFrame: number;
}

/** @param endsStreams what holds for both versions of HTTP where these options do not say */
export function http2Options(options: Http2ProtocolOptions | undefined, endsStreams = false): Http2Options {
  const keepAlive = options?.connectionKeepalive;
  return {
    maxConcurrentStreams: options?.maxConcurrentStreams ?? 1024,
    streamWindow: options?.initialStreamWindowSize ?? 16 * mebibyte,
    connectionWindow: options?.initialConnectionWindowSize ?? 24 * mebibyte,
    headerTableSize: options?.hpackTableSize ?? tableSize,
    allowConnect: options?.allowConnect ?? false,
    streamErrorOnInvalidMessage: options?.overrideStreamErrorOnInvalidHttpMessage ?? endsStreams,
    keepAliveIntervalMs: milliseconds(keepAlive?.interval, 0),
    keepAliveJitter: (keepAlive?.intervalJitter?.value ?? 15) / 100,
    keepAliveTimeoutMs: milliseconds(keepAlive?.timeout, 0),
    flood: {
      outboundFrames: options?.maxOutboundFrames ?? 10_000,
      outboundControlFrames: options?.maxOutboundControlFrames ?? 1000,
      emptyFramesInARow: options?.maxConsecutiveInboundFramesWithEmptyPayload ?? 1,
      priorityFramesPerStream: options?.maxInboundPriorityFramesPerStream ?? 100,
      windowUpdatesPerDataFrame: options?.maxInboundWindowUpdateFramesPerDataFrameSent ?? 10,
    },
  };
}

/** What we tell the peer at the start, where it is not what every peer assumes. */
export function announcedSettings(options: Http2Options, asClient: boolean): [number, number][] {
  const told: [number, number][] = [];
  if (options.headerTableSize !== tableSize) told.push([setting.HEADER_TABLE_SIZE, options.headerTableSize]);
  if (asClient) told.push([setting.ENABLE_PUSH, 0]);
  if (options.allowConnect) told.push([setting.ENABLE_CONNECT_PROTOCOL, 1]);
  told.push([setting.MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams]);
  if (options.streamWindow !== defaultWindow) told.push([setting.INITIAL_WINDOW_SIZE, options.streamWindow]);
  return told;
}

/** Whether a peer may say so. @throws Http2ConnectionError @see https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2 */
export function checkSetting(id: number, value: number): void {
  if (id === setting.INITIAL_WINDOW_SIZE && value > largestWindow)
    throw new Http2ConnectionError(errorCode.FLOW_CONTROL_ERROR, 'http2.bad_setting');
  const flag = id === setting.ENABLE_PUSH || id === setting.ENABLE_CONNECT_PROTOCOL;
  const frameSize = id === setting.MAX_FRAME_SIZE;
  if ((flag && value > 1) || (frameSize && (value < defaultFrameSize || value > largestFrameSize)))
    throw new Http2ConnectionError(errorCode.PROTOCOL_ERROR, 'http2.bad_setting');
}
