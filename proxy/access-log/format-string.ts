/** Formats as configurations state them: as text, from a file, or as JSON. */
import type { JsonObject } from '@bufbuild/protobuf';
import type { SubstitutionFormatString } from '../api/envoy/config/core/v3/substitution_format_string_pb.js';
import { readDataSource } from '../data-source.ts';
import { compileFormat, defaultFormat, type Formatter } from './format.ts';
import { formattersOf } from './formatters.ts';
import { compileJsonFormat } from './json-format.ts';

/**
 * Compiles a stated format; JSON ends with a new line.
 * @param empty what stands for an empty text
 * @throws FormatError, UnreadableSource
 */
export function compileFormatString(format: SubstitutionFormatString | undefined, empty = defaultFormat): Formatter {
  const formatters = formattersOf((format?.formatters ?? []).map(({ typedConfig }) => typedConfig?.typeUrl ?? ''));
  switch (format?.format.case) {
    case 'textFormat':
      return compileFormat(format.format.value || empty, format.omitEmptyValues, formatters);
    case 'jsonFormat':
      return compileJsonFormat(format.format.value as JsonObject, format.omitEmptyValues, formatters);
    case 'textFormatSource':
      return compileFormat(
        readDataSource(format.format.value)?.toString('utf8') ?? '',
        format.omitEmptyValues,
        formatters,
      );
    default:
      return compileFormat(empty);
  }
}
