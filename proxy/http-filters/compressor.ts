/**
 * Compresses bodies of responses, and of requests where it is told to (Envoy's compressor).
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/compressor_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type { RuntimeFeatureFlag } from '../api/envoy/config/core/v3/base_pb.js';
import type {
  Compressor,
  Compressor_CommonDirectionConfig,
  CompressorPerRoute,
} from '../api/envoy/extensions/filters/http/compressor/v3/compressor_pb.js';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { RuntimeSwitch, type RuntimeValues } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { type CompressionLibrary, compressionLibrary } from './compressor-library.ts';
import { type Candidate, choiceOf, type EncodingChoice } from './encoding-choice.ts';
import type { FilterStream, HttpFilterType, Verdict } from './filter.ts';
import { hasNoTransform } from './no-transform.ts';
import { type BodyObserver, requestWay, responseWay, TransformedBody } from './transformed-body.ts';
import { TransformingFilter } from './transforming-filter.ts';

/** What a route says. */
type Override = 'disabled' | { enabled: boolean; removeAcceptEncoding: boolean | undefined };

export const compressor: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.compressor.v3.Compressor',
  routeTypeName: 'envoy.extensions.filters.http.compressor.v3.CompressorPerRoute',
  compile(configuration, { scope, runtime }) {
    const settings = new CompressorSettings(configuration as Message & Compressor, scope, runtime);
    return stream => new CompressorFilter(stream, settings);
  },
  compileRoute(configuration): Override {
    const { override } = configuration as Message & CompressorPerRoute;
    if (override.case !== 'overrides') return 'disabled';
    const response = override.value.responseDirectionConfig;
    return { enabled: response !== undefined, removeAcceptEncoding: response?.removeAcceptEncodingHeader };
  },
};

const defaultMinimum = 30;
const defaultTypes = [
  ...['application/javascript', 'application/x-javascript', 'application/ecmascript', 'text/javascript'],
  ...['text/x-javascript', 'text/ecmascript', 'text/js', 'text/jscript', 'text/x-js'],
  ...['application/json', 'application/x-json', 'application/xml', 'application/xhtml+xml', 'image/svg+xml'],
  ...['text/css', 'text/html', 'text/plain', 'text/xml'],
];

/** What is said of one direction. */
class Direction {
  readonly switch: RuntimeSwitch;
  readonly compressed: Counter;
  readonly notCompressed: Counter;
  readonly bytes: BodyObserver;
  readonly #minimum: number;
  readonly #types: ReadonlySet<string>;
  /** The type that was asked for last, as it was written: most answers of a service are of one. */
  #lastType = '';
  #takesLast = false;
  readonly #tooSmall: Counter;

  constructor(
    config: Compressor_CommonDirectionConfig | undefined,
    byDefault: boolean,
    scope: StatsScope,
    runtime: RuntimeValues | undefined,
  ) {
    this.switch = switchOf(config?.enabled, byDefault, runtime);
    this.#minimum = config?.minContentLength ?? defaultMinimum;
    this.#types = new Set(
      config?.contentType.length ? config.contentType.map(type => type.toLowerCase()) : defaultTypes,
    );
    this.compressed = scope.counter('compressed');
    this.notCompressed = scope.counter('not_compressed');
    this.#tooSmall = scope.counter('content_length_too_small');
    const [taken, given] = [scope.counter('total_uncompressed_bytes'), scope.counter('total_compressed_bytes')];
    this.bytes = { taken: bytes => taken.add(bytes), given: bytes => given.add(bytes) };
  }

  /** A body of unknown length is long enough. */
  isLongEnough(head: HeaderMap): boolean {
    const length = head.get('content-length');
    if (length === undefined || Number(length) >= this.#minimum) return true;
    this.#tooSmall.increment();
    return false;
  }

  takesType(head: HeaderMap): boolean {
    const type = head.get('content-type');
    if (type === undefined) return true;
    if (type !== this.#lastType) {
      this.#takesLast = this.#types.has(type.replace(/;.*/s, '').trim().toLowerCase());
      this.#lastType = type;
    }
    return this.#takesLast;
  }
}

function switchOf(flag: RuntimeFeatureFlag | undefined, byDefault: boolean, runtime: RuntimeValues | undefined) {
  return new RuntimeSwitch(
    flag === undefined ? byDefault : (flag.defaultValue ?? byDefault),
    flag?.runtimeKey ?? '',
    runtime,
  );
}

const acceptStats = {
  noHeader: 'no_accept_header',
  identity: 'header_identity',
  used: 'header_compressor_used',
  overshadowed: 'header_compressor_overshadowed',
  wildcard: 'header_wildcard',
  notValid: 'header_not_valid',
  etag: 'not_compressed_etag',
};

class CompressorSettings implements Candidate {
  readonly library: CompressionLibrary;
  readonly request: Direction;
  readonly response: Direction;
  readonly chooseFirst: boolean;
  readonly removesAcceptEncoding: boolean;
  readonly disabledByEtag: boolean;
  readonly stats: Record<keyof typeof acceptStats, Counter>;

  constructor(configuration: Compressor, root: StatsScope, runtime: RuntimeValues | undefined) {
    const { compressorLibrary, requestDirectionConfig, responseDirectionConfig } = configuration;
    this.library = compressionLibrary(compressorLibrary!);
    const scope = root.scope(`compressor.${compressorLibrary!.name}.${this.library.statsName}.`);
    const asked = requestDirectionConfig !== undefined;
    this.request = new Direction(requestDirectionConfig?.commonConfig, asked, scope.scope('request.'), runtime);
    this.response =
      responseDirectionConfig === undefined
        ? new Direction(olderFields(configuration), true, scope, runtime)
        : new Direction(responseDirectionConfig.commonConfig, true, scope.scope('response.'), runtime);
    const said = responseDirectionConfig ?? configuration;
    this.chooseFirst = configuration.chooseFirst;
    this.removesAcceptEncoding = said.removeAcceptEncodingHeader;
    this.disabledByEtag = said.disableOnEtagHeader;
    const counters = Object.entries(acceptStats).map(([key, name]) => [key, scope.counter(name)]);
    this.stats = Object.fromEntries(counters) as Record<keyof typeof acceptStats, Counter>;
  }

  get coding(): string {
    return this.library.coding;
  }

  suits(head: ResponseHeaders): boolean {
    return this.response.takesType(head);
  }
}

/** The deprecated fields of the message itself, where nothing is said of the response. */
const olderFields = (old: Compressor): Compressor_CommonDirectionConfig =>
  ({
    enabled: old.runtimeEnabled,
    minContentLength: old.contentLength,
    contentType: old.contentType,
  }) as Compressor_CommonDirectionConfig;

class CompressorFilter extends TransformingFilter {
  readonly #settings: CompressorSettings;
  #override: Override | undefined;
  #accepted: string | undefined;
  #choice: EncodingChoice | undefined;

  constructor(stream: FilterStream, settings: CompressorSettings) {
    super(stream);
    this.#settings = settings;
  }

  override onRequestHead(head: RequestHeaders, end: boolean): Verdict {
    const { library, request, removesAcceptEncoding } = this.#settings;
    this.#override = this.stream.routeConfig as Override | undefined;
    this.#accepted = head.getAll('accept-encoding');
    if (this.#enabled) {
      const said = this.#override === 'disabled' ? undefined : this.#override?.removeAcceptEncoding;
      if (said ?? removesAcceptEncoding) head.remove('accept-encoding');
    }
    // As in Envoy, one that is switched off for now takes part too.
    if (this.#accepted !== undefined) {
      this.#choice = choiceOf(this.stream.info);
      this.#choice.add(this.#settings);
    }
    const compresses =
      !end &&
      request.switch.on &&
      request.isLongEnough(head) &&
      request.takesType(head) &&
      !head.has('content-encoding');
    (compresses ? request.compressed : request.notCompressed).increment();
    if (!compresses) return 'continue';
    head.remove('content-length');
    head.set('content-encoding', library.coding);
    this.request = new TransformedBody(library.create(), requestWay(this.stream), request.bytes);
    return 'continue';
  }

  get #enabled(): boolean {
    const said = this.#override;
    if (said === 'disabled') return false;
    return said?.enabled === true || this.#settings.response.switch.on;
  }

  override onResponseHead(head: ResponseHeaders, end: boolean): Verdict {
    const { library, response } = this.#settings;
    const eligible = this.#enabled && response.isLongEnough(head);
    const compressible =
      eligible &&
      !head.upgraded &&
      response.takesType(head) &&
      !hasNoTransform(head) &&
      this.#isEtagFine(head) &&
      !head.has('content-encoding');
    const compresses = !end && eligible && this.#isChosen(head) && compressible;
    (compresses ? response.compressed : response.notCompressed).increment();
    if (compresses) {
      if (!/^w\//i.test(head.get('etag') ?? 'w/')) head.remove('etag');
      head.remove('content-length');
      head.set('content-encoding', library.coding);
      this.response = new TransformedBody(library.create(), responseWay(this.stream), response.bytes);
    }
    // Caches have to know even where this client did not want it.
    if (compressible) addVary(head);
    return 'continue';
  }

  #isEtagFine(head: ResponseHeaders): boolean {
    const { disabledByEtag, stats } = this.#settings;
    if (!disabledByEtag || !head.has('etag')) return true;
    stats.etag.increment();
    return false;
  }

  /** Whether the client's wishes lead to this compressor. */
  #isChosen(head: ResponseHeaders): boolean {
    const { stats, coding } = this.#settings;
    if (this.#accepted === undefined || this.#choice === undefined) {
      stats.noHeader.increment();
      return false;
    }
    const choice = this.#choice.choose(this.#accepted, head);
    const chosen = choice.coding === coding;
    if (choice.because === 'valid') (chosen ? stats.used : stats.overshadowed).increment();
    if (choice.because === 'identity') stats.identity.increment();
    if (choice.because === 'wildcard') stats.wildcard.increment();
    if (choice.because === 'not-valid') stats.notValid.increment();
    return chosen;
  }
}

const varyName = 'Accept-Encoding';

function addVary(head: ResponseHeaders): void {
  const said = head.getAll('vary');
  const named = said?.split(',').some(name => name.trim() === varyName);
  if (!named) head.set('vary', said === undefined ? varyName : `${said}, ${varyName}`);
}
