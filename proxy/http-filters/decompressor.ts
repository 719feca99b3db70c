/**
 * Unpacks compressed bodies of requests and responses (Envoy's decompressor).
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/decompressor_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type {
  Decompressor,
  Decompressor_CommonDirectionConfig,
} from '../api/envoy/extensions/filters/http/decompressor/v3/decompressor_pb.js';
import { HeaderMap, type RequestHeaders, type ResponseHeaders } from '../http/headers.ts';
import { RuntimeSwitch, type RuntimeValues } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { bombCode, type DecompressionLibrary, decompressionLibrary } from './decompressor-library.ts';
import type { FilterStream, HttpFilterType, Verdict } from './filter.ts';
import { hasNoTransform } from './no-transform.ts';
import { type BodyWay, requestWay, responseWay, TransformedBody } from './transformed-body.ts';
import { TransformingFilter } from './transforming-filter.ts';

export const decompressor: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.decompressor.v3.Decompressor',
  compile(configuration, { scope, runtime }) {
    const settings = new DecompressorSettings(configuration as Message & Decompressor, scope, runtime);
    return stream => new DecompressorFilter(stream, settings);
  },
};

class DecompressorSettings {
  readonly coding: string;
  readonly request: Direction;
  readonly response: Direction;
  readonly advertises: boolean;

  constructor(configuration: Decompressor, root: StatsScope, runtime: RuntimeValues | undefined) {
    const { decompressorLibrary, requestDirectionConfig: request, responseDirectionConfig: response } = configuration;
    const library = decompressionLibrary(decompressorLibrary!);
    const scope = root.scope(`decompressor.${decompressorLibrary!.name}.${library.statsName}.`);
    const errors = new Map(library.errorNames.map(name => [name, scope.counter(`decompressor_library.${name}`)]));
    this.coding = library.coding;
    this.advertises = request?.advertiseAcceptEncoding ?? true;
    const name = decompressorLibrary!.name.toLowerCase();
    this.request = new Direction(request?.commonConfig, name, library, errors, scope.scope('request.'), runtime);
    this.response = new Direction(response?.commonConfig, name, library, errors, scope.scope('response.'), runtime);
  }
}

/** What is said of one direction. */
class Direction {
  readonly switch: RuntimeSwitch;
  readonly #name: string;
  readonly #library: DecompressionLibrary;
  readonly #errors: ReadonlyMap<string, Counter>;
  readonly #ignoresNoTransform: boolean;
  readonly #decompressed: Counter;
  readonly #notDecompressed: Counter;
  readonly #taken: Counter;
  readonly #given: Counter;

  constructor(
    config: Decompressor_CommonDirectionConfig | undefined,
    name: string,
    library: DecompressionLibrary,
    errors: ReadonlyMap<string, Counter>,
    scope: StatsScope,
    runtime: RuntimeValues | undefined,
  ) {
    this.switch = new RuntimeSwitch(config?.enabled?.defaultValue ?? true, config?.enabled?.runtimeKey ?? '', runtime);
    this.#name = name;
    this.#library = library;
    this.#errors = errors;
    this.#ignoresNoTransform = config?.ignoreNoTransformHeader ?? false;
    this.#decompressed = scope.counter('decompressed');
    this.#notDecompressed = scope.counter('not_decompressed');
    this.#taken = scope.counter('total_compressed_bytes');
    this.#given = scope.counter('total_uncompressed_bytes');
  }

  /** Begins to unpack the body behind this head, where that is to be done, and changes the head. */
  begin(head: HeaderMap, way: BodyWay): TransformedBody | undefined {
    const rest = this.#codingsBehind(head);
    const applies = this.switch.on && (this.#ignoresNoTransform || !hasNoTransform(head)) && rest !== undefined;
    (applies ? this.#decompressed : this.#notDecompressed).increment();
    if (!applies) return undefined;
    head.remove('content-length');
    if (rest === '') head.remove('content-encoding');
    else head.set('content-encoding', rest);
    return this.#body(way);
  }

  /** What follows our coding, which has to come first. */
  #codingsBehind(head: HeaderMap): string | undefined {
    const [first = '', rest = ''] = (head.getAll('content-encoding') ?? '').split(/,(.*)/s);
    return first.trim().toLowerCase() === this.#library.coding ? rest.trim() : undefined;
  }

  #body(way: BodyWay): TransformedBody {
    const { chunkSize, mostRatio, errorName, create } = this.#library;
    const transform = create();
    let [taken, given] = [0, 0];
    return new TransformedBody(transform, way, {
      taken: bytes => {
        taken += bytes;
        this.#taken.add(bytes);
      },
      given: bytes => {
        given += bytes;
        this.#given.add(bytes);
        if (bytes === chunkSize && given > taken * mostRatio)
          transform.destroy(Object.assign(new Error('the body becomes too large'), { code: bombCode }));
      },
      trailers: (came = new HeaderMap()) => {
        came.set(`x-envoy-decompressor-${this.#name}-compressed-bytes`, String(taken));
        came.set(`x-envoy-decompressor-${this.#name}-uncompressed-bytes`, String(given));
        return came;
      },
      failed: ({ code }) => this.#errors.get(errorName(code))?.increment(),
    });
  }
}

class DecompressorFilter extends TransformingFilter {
  readonly #settings: DecompressorSettings;

  constructor(stream: FilterStream, settings: DecompressorSettings) {
    super(stream);
    this.#settings = settings;
  }

  override onRequestHead(head: RequestHeaders, end: boolean): Verdict {
    const { request, response, advertises, coding } = this.#settings;
    if (advertises && response.switch.on) addAccepted(head, coding);
    if (!end) this.request = request.begin(head, requestWay(this.stream));
    return 'continue';
  }

  override onResponseHead(head: ResponseHeaders, end: boolean): Verdict {
    if (!end) this.response = this.#settings.response.begin(head, responseWay(this.stream));
    return 'continue';
  }
}

/** Our coding goes last, and no quality that the client gave it makes it less welcome. */
function addAccepted(head: RequestHeaders, coding: string): void {
  const others = (head.getAll('accept-encoding') ?? '')
    .split(',')
    .filter(one => one !== '' && one.replace(/;.*/s, '').trim() !== coding);
  head.set('accept-encoding', [...others, coding].join(','));
}
