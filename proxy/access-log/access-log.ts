/** Access logs: a filter, a format and a sink each, made from the configuration. */
import type { JsonObject } from '@bufbuild/protobuf';
import type { AccessLog as AccessLogConfig } from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { SubstitutionFormatString } from '../api/envoy/config/core/v3/substitution_format_string_pb.js';
import type { FileAccessLog } from '../api/envoy/extensions/access_loggers/file/v3/file_pb.js';
import type { StderrAccessLog, StdoutAccessLog } from '../api/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { readDataSource } from '../data-source.ts';
import type { StreamInfo } from '../stream-info.ts';
import { compileFilter } from './filters.ts';
import { compileFormat, defaultFormat, type Formatter } from './format.ts';
import { compileJsonFormat } from './json-format.ts';
import type { Sink, Sinks } from './sink.ts';

/** Writes finished requests somewhere. */
export interface AccessLog {
  log(info: StreamInfo): void;
}

/** Makes the access logs of one connection manager. Throws where a format is wrong or a file cannot be opened. */
export function createAccessLogs(configs: readonly AccessLogConfig[], sinks: Sinks): AccessLog[] {
  return configs.map(config => createAccessLog(config, sinks));
}

function createAccessLog(config: AccessLogConfig, sinks: Sinks): AccessLog {
  const accepts = compileFilter(config.filter);
  const { path, format } = targetOf(config);
  const sink: Sink = sinks.open(path);
  return {
    log: info => {
      if (accepts(info)) sink.write(format(info));
    },
  };
}

function targetOf(config: AccessLogConfig): { path: string; format: Formatter } {
  const any = config.configType.value;
  const file = typedConfig<FileAccessLog>(any, 'envoy.extensions.access_loggers.file.v3.FileAccessLog');
  if (file) return { path: file.path, format: fileFormat(file) };
  const stdout = typedConfig<StdoutAccessLog>(any, 'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog');
  if (stdout) return { path: '/dev/stdout', format: logFormat(stdout.accessLogFormat.value) };
  const stderr = typedConfig<StderrAccessLog>(any, 'envoy.extensions.access_loggers.stream.v3.StderrAccessLog');
  if (stderr) return { path: '/dev/stderr', format: logFormat(stderr.accessLogFormat.value) };
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
    default:
      return logFormat(accessLogFormat.value);
  }
}

function logFormat(format: SubstitutionFormatString | undefined): Formatter {
  switch (format?.format.case) {
    case 'textFormat':
      return compileFormat(format.format.value || defaultFormat, format.omitEmptyValues);
    case 'jsonFormat':
      return compileJsonFormat(format.format.value as JsonObject, format.omitEmptyValues);
    case 'textFormatSource':
      return compileFormat(readDataSource(format.format.value)?.toString('utf8') ?? '', format.omitEmptyValues);
    default:
      return compileFormat(defaultFormat);
  }
}
