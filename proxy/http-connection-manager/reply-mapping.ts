/** What a configuration makes of answers of our own: their status, their body, its format. */
import { compileFilter, type Filter } from '../access-log/filters.ts';
import type { Formatter } from '../access-log/format.ts';
import { compileFormatString } from '../access-log/format-string.ts';
import type { SubstitutionFormatString } from '../api/envoy/config/core/v3/substitution_format_string_pb.js';
import type {
  LocalReplyConfig,
  ResponseMapper,
} from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { readDataSource } from '../data-source.ts';
import type { ResponseHeaders } from '../http/headers.ts';
import { HeaderMutations } from '../routing/header-mutations.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { StreamInfo } from '../stream-info.ts';

/** What a body became; characters are bytes. */
export interface MappedBody {
  text: string;
  contentType: string;
}

interface BodyFormat extends Omit<MappedBody, 'text'> {
  print: Formatter;
}

const plain: BodyFormat = { print: info => info.localReplyBody, contentType: 'text/plain' };

/** Compiled from `local_reply_config`.
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/local_reply
 */
export class ReplyMapping {
  readonly #mappers: readonly Mapper[];
  readonly #format: BodyFormat;

  /** @throws FormatError, UnreadableSource */
  constructor({ mappers, bodyFormat }: LocalReplyConfig, runtime?: RuntimeValues) {
    this.#mappers = mappers.map(mapper => compileMapper(mapper, runtime));
    this.#format = bodyFormatOf(bodyFormat) ?? plain;
  }

  /** Lets the first mapper that matches change the head; gives the body in its format. */
  apply(head: ResponseHeaders, body: string, info: StreamInfo): MappedBody {
    info.responseHeaders = head;
    info.responseCode = head.status;
    const mapper = this.#mappers.find(({ accepts }) => accepts(info));
    mapper?.headers.apply(head, info);
    if (mapper?.status !== undefined) info.responseCode = head.status = mapper.status;
    const { print, contentType } = mapper?.format ?? this.#format;
    // Only formats of bodies may ask for it.
    info.localReplyBody = mapper?.body ?? body;
    const text = print(info);
    info.localReplyBody = '';
    return { text, contentType };
  }
}

interface Mapper {
  accepts: Filter;
  /** Undefined: the body stays. */
  body: string | undefined;
  status: number | undefined;
  headers: HeaderMutations;
  format: BodyFormat | undefined;
}

function compileMapper(
  { filter, statusCode, body, bodyFormatOverride, headersToAdd }: ResponseMapper,
  runtime?: RuntimeValues,
): Mapper {
  return {
    accepts: compileFilter(filter, runtime),
    body: body && (readDataSource(body)?.toString('latin1') ?? ''),
    status: statusCode,
    headers: new HeaderMutations({ add: headersToAdd, remove: [] }),
    format: bodyFormatOf(bodyFormatOverride),
  };
}

function bodyFormatOf(format: SubstitutionFormatString | undefined): BodyFormat | undefined {
  if (format === undefined) return undefined;
  const usual = format.format.case === 'jsonFormat' ? 'application/json' : 'text/plain';
  return { print: compileFormatString(format, ''), contentType: format.contentType || usual };
}
