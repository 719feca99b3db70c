/** Compiles Envoy's matchers of metadata to functions, once. */
import type { MetadataMatcher } from '../api/envoy/type/matcher/v3/metadata_pb.js';
import type { DoubleMatcher } from '../api/envoy/type/matcher/v3/number_pb.js';
import type { ValueMatcher } from '../api/envoy/type/matcher/v3/value_pb.js';
import type { Json } from '../configuration/json.ts';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import { stringTest } from './string-match.ts';

export type MetadataTest = (metadata: DynamicMetadata | undefined) => boolean;

/** Tests one value of the metadata, which may be missing. */
export function metadataTest({ filter, path, value, invert }: MetadataMatcher): MetadataTest {
  const keys = path.map(({ segment }) => segment.value ?? '');
  const test = valueTest(value);
  return metadata => test(metadata?.at(filter, keys)) !== invert;
}

type ValueTest = (value: Json | undefined) => boolean;

function valueTest(matcher: ValueMatcher | undefined): ValueTest {
  const pattern = matcher?.matchPattern;
  switch (pattern?.case) {
    case 'nullMatch':
      return value => value === null;
    case 'doubleMatch':
      return doubleTest(pattern.value);
    case 'stringMatch': {
      const test = stringTest(pattern.value);
      return value => typeof value === 'string' && test(value);
    }
    case 'boolMatch':
      return value => value === pattern.value;
    // As in Envoy: asked for what is not there, it never matches.
    case 'presentMatch':
      return value => pattern.value && value !== undefined;
    case 'listMatch': {
      const { matchPattern: within } = pattern.value;
      const test = valueTest(within.case === 'oneOf' ? within.value : undefined);
      return value => Array.isArray(value) && value.some(test);
    }
    case 'orMatch': {
      const tests = pattern.value.valueMatchers.map(valueTest);
      return value => tests.some(test => test(value));
    }
    default:
      return () => false;
  }
}

/** The end of a range is not in it. */
function doubleTest({ matchPattern: pattern }: DoubleMatcher): ValueTest {
  if (pattern.case === 'exact') return value => value === pattern.value;
  if (pattern.case !== 'range') return () => false;
  const { start, end } = pattern.value;
  return value => typeof value === 'number' && value >= start && value < end;
}
