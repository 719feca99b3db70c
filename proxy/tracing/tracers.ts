/** The tracers of a proxy: listeners that trace alike share one. */
import type { Tracing_Http } from '../api/envoy/config/trace/v3/http_tracer_pb.js';
import type { OpenTelemetryConfig } from '../api/envoy/config/trace/v3/opentelemetry_pb.js';
import type { ZipkinConfig } from '../api/envoy/config/trace/v3/zipkin_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { OpenTelemetryTracer } from './open-telemetry-tracer.ts';
import type { Tracer } from './span.ts';
import type { TracerContext } from './tracer-context.ts';
import { ZipkinTracer } from './zipkin-tracer.ts';

export class Tracers {
  readonly #context: TracerContext;
  readonly #tracers = new Map<string, Tracer>();

  constructor(context: TracerContext) {
    this.#context = context;
  }

  /** Finds or makes the tracer. Throws what cannot work. */
  of({ name, configType }: Tracing_Http): Tracer {
    const any = configType.case === 'typedConfig' ? configType.value : undefined;
    const key = `${any?.typeUrl} ${Buffer.from(any?.value ?? []).toString('base64')}`;
    const known = this.#tracers.get(key);
    if (known !== undefined) return known;
    const zipkin = typedConfig<ZipkinConfig>(any, 'envoy.config.trace.v3.ZipkinConfig');
    const openTelemetry = typedConfig<OpenTelemetryConfig>(any, 'envoy.config.trace.v3.OpenTelemetryConfig');
    let made: Tracer;
    if (zipkin !== undefined) made = new ZipkinTracer(zipkin, this.#context);
    else if (openTelemetry !== undefined) made = new OpenTelemetryTracer(openTelemetry, this.#context);
    else throw new Error(`tracing provider '${name}': its typed_config is missing`);
    this.#tracers.set(key, made);
    return made;
  }

  /** Sends what is waiting. */
  stop(): void {
    for (const tracer of this.#tracers.values()) tracer.stop();
  }
}
