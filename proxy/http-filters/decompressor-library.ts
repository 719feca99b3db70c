/** What unpacks: gzip, Brotli and Zstandard by Node's zlib, with Envoy's settings and defaults. What is cut short gives as much as there is, without an error. */
import type { Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib';
import type { TypedExtensionConfig } from '../api/envoy/config/core/v3/extension_pb.js';
import type { Brotli } from '../api/envoy/extensions/compression/brotli/decompressor/v3/brotli_pb.js';
import type { Gzip } from '../api/envoy/extensions/compression/gzip/decompressor/v3/gzip_pb.js';
import type { Zstd } from '../api/envoy/extensions/compression/zstd/decompressor/v3/zstd_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';

export interface DecompressionLibrary {
  /** In `content-encoding`. */
  coding: string;
  /** In the names of statistics. */
  statsName: string;
  /** Bytes that are unpacked at a time. */
  chunkSize: number;
  /** How much larger than what came a body may become. */
  mostRatio: number;
  /** The library's counters. */
  errorNames: readonly string[];
  /** The one that counts this error, by the code that Node's zlib gives. */
  errorName(code: string | undefined): string;
  create(): Transform;
}

const defaultChunkSize = 4096;
const defaultRatio = 100;

/** The library of a decompressor's configuration. */
export function decompressionLibrary({ typedConfig: any }: TypedExtensionConfig): DecompressionLibrary {
  const gzip = typedConfig<Gzip>(any, 'envoy.extensions.compression.gzip.decompressor.v3.Gzip');
  if (gzip !== undefined) return gzipLibrary(gzip);
  const brotli = typedConfig<Brotli>(any, 'envoy.extensions.compression.brotli.decompressor.v3.Brotli');
  if (brotli !== undefined) return brotliLibrary(brotli);
  const zstd = typedConfig<Zstd>(any, 'envoy.extensions.compression.zstd.decompressor.v3.Zstd');
  if (zstd !== undefined) return zstdLibrary(zstd);
  throw new Error(`no decompressor library: ${any?.typeUrl}`);
}

const zlibErrors = new Map([
  ['Z_ERRNO', 'zlib_errno'],
  ['Z_STREAM_ERROR', 'zlib_stream_error'],
  ['Z_DATA_ERROR', 'zlib_data_error'],
  ['Z_MEM_ERROR', 'zlib_mem_error'],
  ['Z_BUF_ERROR', 'zlib_buf_error'],
  ['Z_VERSION_ERROR', 'zlib_version_error'],
]);

function gzipLibrary(gzip: Gzip): DecompressionLibrary {
  const chunkSize = gzip.chunkSize ?? defaultChunkSize;
  const windowBits = gzip.windowBits ?? 15;
  const options = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH, chunkSize, windowBits };
  return {
    coding: 'gzip',
    statsName: 'gzip',
    chunkSize,
    mostRatio: gzip.maxInflateRatio ?? defaultRatio,
    errorNames: [...zlibErrors.values()],
    errorName: code => zlibErrors.get(code ?? '') ?? 'zlib_data_error',
    create: () => createGunzip(options),
  };
}

function brotliLibrary(brotli: Brotli): DecompressionLibrary {
  const chunkSize = brotli.chunkSize ?? defaultChunkSize;
  const options = {
    flush: constants.BROTLI_OPERATION_FLUSH,
    finishFlush: constants.BROTLI_OPERATION_FLUSH,
    chunkSize,
    params: {
      [constants.BROTLI_DECODER_PARAM_DISABLE_RING_BUFFER_REALLOCATION]: brotli.disableRingBufferReallocation,
    },
  };
  return {
    coding: 'br',
    statsName: 'brotli',
    chunkSize,
    mostRatio: defaultRatio,
    errorNames: ['brotli_error', 'brotli_output_overflow', 'brotli_redundant_input'],
    errorName: code => (code === bombCode ? 'brotli_output_overflow' : 'brotli_error'),
    create: () => createBrotliDecompress(options),
  };
}

const zstdErrors = new Map([
  ['ZSTD_error_checksum_wrong', 'zstd_checksum_wrong_error'],
  ['ZSTD_error_dictionary_wrong', 'zstd_dictionary_error'],
  ['ZSTD_error_memory_allocation', 'zstd_memory_error'],
]);

function zstdLibrary(zstd: Zstd): DecompressionLibrary {
  const chunkSize = zstd.chunkSize ?? defaultChunkSize;
  const options = { flush: constants.ZSTD_e_flush, finishFlush: constants.ZSTD_e_flush, chunkSize };
  return {
    coding: 'zstd',
    statsName: 'zstd',
    chunkSize,
    mostRatio: defaultRatio,
    errorNames: ['zstd_generic_error', ...zstdErrors.values()],
    errorName: code => zstdErrors.get(code ?? '') ?? 'zstd_generic_error',
    create: () => createZstdDecompress(options),
  };
}

/** Of the error that a body is far larger than what came. */
export const bombCode = 'BODY_TOO_LARGE';
