/** Access logs: a filter, a format and a sink or a service each, made from the configuration. */
import type { JsonObject } from '@bufbuild/protobuf';
import type { AccessLog as AccessLogConfig } from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { FileAccessLog } from '../api/envoy/extensions/access_loggers/file/v3/file_pb.js';
import type {
  HttpGrpcAccessLogConfig,
  TcpGrpcAccessLogConfig,
} from '../api/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import type { StderrAccessLog, StdoutAccessLog } from '../api/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { StreamInfo, StreamObserver } from '../stream-info.ts';
import { compileTags } from '../tracing/custom-tags.ts';
import { compileFilter } from './filters.ts';
import { compileFormat, defaultFormat, type Formatter } from './format.ts';
import { compileFormatString } from './format-string.ts';
import { type EntryOptions, encodeHttpEntry, encodeTcpEntry } from './grpc-entries.ts';
import type { GrpcLoggers } from './grpc-logger.ts';
import { compileJsonFormat } from './json-format.ts';
import type { LogTargets } from './sink.ts';

/** Writes finished requests somewhere. */
export interface AccessLog {
  log(info: StreamInfo): void;
}

/** Where access logs go. */
export interface LogDestinations {
  files: LogTargets;
  services: GrpcLoggers;
  runtime: RuntimeValues;
}

/** Writes to all of them; undefined where there is none. Throws where a format is wrong or a file cannot be opened. */
export function accessLogObserver(
  configs: readonly AccessLogConfig[],
  destinations: LogDestinations,
): StreamObserver | undefined {
  const logs = createAccessLogs(configs, destinations);
  if (logs.length === 0) return undefined;
  const [only] = logs;
  if (logs.length === 1 && only) return info => only.log(info);
  return info => {
    for (const log of logs) log.log(info);
  };
}

/** Makes the access logs of one connection manager. Throws where a format is wrong or a file cannot be opened. */
export function createAccessLogs(
  configs: readonly AccessLogConfig[],
  { files, services, runtime }: LogDestinations,
): AccessLog[] {
  return configs.map(config => {
    const accepts = compileFilter(config.filter, runtime);
    const write = serviceLog(config, services) ?? fileLog(config, files);
    return {
      log: info => {
        if (accepts(info)) write(info);
      },
    };
  });
}

function fileLog(config: AccessLogConfig, files: LogTargets): StreamObserver {
  const { path, format } = targetOf(config);
  const sink = files.open(path);
  return info => sink.write(format(info));
}

const grpcTypes = 'envoy.extensions.access_loggers.grpc.v3';

/** Undefined where it is none for a service. */
function serviceLog(config: AccessLogConfig, services: GrpcLoggers): StreamObserver | undefined {
  const any = config.configType.value;
  const http = typedConfig<HttpGrpcAccessLogConfig>(any, `${grpcTypes}.HttpGrpcAccessLogConfig`);
  const common =
    http?.commonConfig ?? typedConfig<TcpGrpcAccessLogConfig>(any, `${grpcTypes}.TcpGrpcAccessLogConfig`)?.commonConfig;
  if (common === undefined) return undefined;
  const logger = services.get(common, http === undefined ? 'tcp' : 'http');
  const encode = http === undefined ? encodeTcpEntry : encodeHttpEntry;
  const names = (list: readonly string[] | undefined) => (list ?? []).map(name => name.toLowerCase());
  const options: EntryOptions = {
    tags: compileTags(common.customTags),
    requestHeaders: names(http?.additionalRequestHeadersToLog),
    responseHeaders: names(http?.additionalResponseHeadersToLog),
    responseTrailers: names(http?.additionalResponseTrailersToLog),
  };
  return info => logger.log(encode(info, options));
}

function targetOf(config: AccessLogConfig): { path: string; format: Formatter } {
  const any = config.configType.value;
  const file = typedConfig<FileAccessLog>(any, 'envoy.extensions.access_loggers.file.v3.FileAccessLog');
  if (file) return { path: file.path, format: fileFormat(file) };
  const stdout = typedConfig<StdoutAccessLog>(any, 'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog');
  if (stdout) return { path: '/dev/stdout', format: compileFormatString(stdout.accessLogFormat.value) };
  const stderr = typedConfig<StderrAccessLog>(any, 'envoy.extensions.access_loggers.stream.v3.StderrAccessLog');
  if (stderr) return { path: '/dev/stderr', format: compileFormatString(stderr.accessLogFormat.value) };
  throw new Error(
    `Didn't find a registered implementation for '${config.name}' with type URL: '${any?.typeUrl ?? ''}'`,
  );
}

function fileFormat({ accessLogFormat }: FileAccessLog): Formatter {
  switch (accessLogFormat.case) {
    case 'format':
      return compileFormat(accessLogFormat.value || defaultFormat);
    case 'jsonFormat':
    case 'typedJsonFormat':
      return compileJsonFormat(accessLogFormat.value as JsonObject);
    case 'logFormat':
      return compileFormatString(accessLogFormat.value);
    default:
      return compileFormat(defaultFormat);
  }
}
