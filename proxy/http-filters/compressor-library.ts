/**
 * What compresses: gzip, Brotli and Zstandard by Node's zlib, with Envoy's settings and defaults. Each piece of a body is flushed, as Envoy does, so that
 * nothing of it waits for the next one.
 */
import type { Transform } from 'node:stream';
import { constants, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib';
import { Brotli_EncoderMode as Mode } from '../api/enums.js';
import type { TypedExtensionConfig } from '../api/envoy/config/core/v3/extension_pb.js';
import type { Brotli } from '../api/envoy/extensions/compression/brotli/compressor/v3/brotli_pb.js';
import type { Gzip } from '../api/envoy/extensions/compression/gzip/compressor/v3/gzip_pb.js';
import type { Zstd } from '../api/envoy/extensions/compression/zstd/compressor/v3/zstd_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';

export interface CompressionLibrary {
  /** In `content-encoding`. */
  coding: string;
  /** In the names of statistics. */
  statsName: string;
  create(): Transform;
}

const defaultChunkSize = 4096;

/** The library of a compressor's configuration. */
export function compressionLibrary({ typedConfig: any }: TypedExtensionConfig): CompressionLibrary {
  const gzip = typedConfig<Gzip>(any, 'envoy.extensions.compression.gzip.compressor.v3.Gzip');
  if (gzip !== undefined) return gzipLibrary(gzip);
  const brotli = typedConfig<Brotli>(any, 'envoy.extensions.compression.brotli.compressor.v3.Brotli');
  if (brotli !== undefined) return brotliLibrary(brotli);
  const zstd = typedConfig<Zstd>(any, 'envoy.extensions.compression.zstd.compressor.v3.Zstd');
  if (zstd !== undefined) return zstdLibrary(zstd);
  throw new Error(`no compressor library: ${any?.typeUrl}`);
}

function gzipLibrary({ memoryLevel, compressionLevel, compressionStrategy, windowBits, chunkSize }: Gzip) {
  const options = {
    flush: constants.Z_SYNC_FLUSH,
    // The API's 0 is zlib's default, which zlib calls -1.
    level: compressionLevel === 0 ? constants.Z_DEFAULT_COMPRESSION : compressionLevel,
    strategy: compressionStrategy,
    memLevel: memoryLevel ?? 5,
    windowBits: windowBits ?? 12,
    chunkSize: chunkSize ?? defaultChunkSize,
  };
  return { coding: 'gzip', statsName: 'gzip', create: () => createGzip(options) };
}

const modes = {
  [Mode.DEFAULT]: constants.BROTLI_DEFAULT_MODE,
  [Mode.GENERIC]: constants.BROTLI_MODE_GENERIC,
  [Mode.TEXT]: constants.BROTLI_MODE_TEXT,
  [Mode.FONT]: constants.BROTLI_MODE_FONT,
};

function brotliLibrary(brotli: Brotli) {
  const options = {
    flush: constants.BROTLI_OPERATION_FLUSH,
    chunkSize: brotli.chunkSize ?? defaultChunkSize,
    params: {
      [constants.BROTLI_PARAM_QUALITY]: brotli.quality ?? 3,
      [constants.BROTLI_PARAM_MODE]: modes[brotli.encoderMode],
      [constants.BROTLI_PARAM_LGWIN]: brotli.windowBits ?? 18,
      [constants.BROTLI_PARAM_LGBLOCK]: brotli.inputBlockBits ?? 24,
      [constants.BROTLI_PARAM_DISABLE_LITERAL_CONTEXT_MODELING]: brotli.disableLiteralContextModeling,
    },
  };
  return { coding: 'br', statsName: 'brotli', create: () => createBrotliCompress(options) };
}

function zstdLibrary({ compressionLevel, enableChecksum, strategy, chunkSize }: Zstd) {
  const options = {
    flush: constants.ZSTD_e_flush,
    chunkSize: chunkSize ?? defaultChunkSize,
    params: {
      [constants.ZSTD_c_compressionLevel]: compressionLevel || constants.ZSTD_CLEVEL_DEFAULT,
      [constants.ZSTD_c_checksumFlag]: enableChecksum,
      [constants.ZSTD_c_strategy]: strategy,
    },
  };
  return { coding: 'zstd', statsName: 'zstd', create: () => createZstdCompress(options) };
}
