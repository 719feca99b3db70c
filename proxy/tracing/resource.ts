/** What is told of the service that traces: OpenTelemetry's resource, its attributes by name. */
import type { OpenTelemetryConfig } from '../api/envoy/config/trace/v3/opentelemetry_pb.js';
import type { StaticConfigResourceDetectorConfig } from '../api/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { fullVersion } from '../version.ts';

const detectors = 'envoy.extensions.tracers.opentelemetry.resource_detectors.v3';
const variable = 'OTEL_RESOURCE_ATTRIBUTES';

/** What Envoy tells, but for the version, and what the configuration's detectors find, of which the last one is right. */
export function resourceOf({ serviceName, resourceDetectors }: OpenTelemetryConfig): ReadonlyMap<string, string> {
  const attributes = new Map([
    ['telemetry.sdk.language', 'cpp'],
    ['telemetry.sdk.name', 'envoy'],
    ['telemetry.sdk.version', fullVersion],
    ['service.name', serviceName || 'unknown_service:envoy'],
  ]);
  for (const { typedConfig: any } of resourceDetectors) {
    const said = typedConfig<StaticConfigResourceDetectorConfig>(
      any,
      `${detectors}.StaticConfigResourceDetectorConfig`,
    );
    const found = said === undefined ? fromEnvironment(process.env[variable] ?? '') : Object.entries(said.attributes);
    for (const [name, value] of found) if (name !== '' && value !== '') attributes.set(name, value);
  }
  return attributes;
}

function fromEnvironment(text: string): [string, string][] {
  return text
    .split(',')
    .filter(pair => pair !== '')
    .flatMap((pair): [string, string][] => {
      const [name, value, ...more] = pair.split('=').filter(part => part !== '');
      if (name !== undefined && value !== undefined && more.length === 0) return [[name, value]];
      return [];
    });
}
