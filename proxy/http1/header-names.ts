/** How the names of headers are written in HTTP/1: within the proxy they are lower case. */
import { PreserveCaseFormatterConfig_FormatterTypeOnEnvoyHeaders as OwnNames } from '../api/enums.js';
import type { Http1ProtocolOptions_HeaderKeyFormat } from '../api/envoy/config/core/v3/protocol_pb.js';
import type { PreserveCaseFormatterConfig } from '../api/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import type { WrittenNames } from '../http/headers.ts';

const preserveCase = 'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig';

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/header_casing */
export interface NameStyle {
  /** Undefined: names are written as they are. */
  write: ((name: string) => string) | undefined;
  /** For a message that comes: remembers how its names are written, wherever it goes. Undefined: nobody does. */
  preserve: (() => PreservedNames) | undefined;
}

/** @throws Error for a style that is not known */
export function nameStyle(format: Http1ProtocolOptions_HeaderKeyFormat | undefined): NameStyle {
  const chosen = format?.headerFormat;
  if (chosen?.case === 'properCaseWords') return { write: properCase, preserve: undefined };
  if (chosen?.case !== 'statefulFormatter') return { write: undefined, preserve: undefined };
  const config = typedConfig<PreserveCaseFormatterConfig>(chosen.value.typedConfig, preserveCase);
  if (config === undefined) throw new Error(`stateful_formatter: only ${preserveCase} is known`);
  const ofOthers = config.formatterTypeOnEnvoyHeaders === OwnNames.PROPER_CASE ? properCase : same;
  return { write: undefined, preserve: () => new PreservedNames(ofOthers, config.forwardReasonPhrase) };
}

/** `x-request-id` becomes `X-Request-Id`. */
export function properCase(name: string): string {
  return name.replace(/(^|[^a-z0-9])([a-z])/gi, (_, before: string, letter: string) => before + letter.toUpperCase());
}

const same = (name: string): string => name;

/** The names of one message as its sender wrote them. */
export class PreservedNames implements WrittenNames {
  readonly #written = new Map<string, string>();
  readonly #ofOthers: (name: string) => string;
  readonly forwardsReason: boolean;
  reason = '';

  /** @param ofOthers writes names that were added since */
  constructor(ofOthers: (name: string) => string, forwardsReason: boolean) {
    this.#ofOthers = ofOthers;
    this.forwardsReason = forwardsReason;
  }

  /** Where a name comes twice the first spelling counts. */
  note(name: string, written: string): void {
    if (!this.#written.has(name)) this.#written.set(name, written);
  }

  write(name: string): string {
    return this.#written.get(name) ?? this.#ofOthers(name);
  }
}
