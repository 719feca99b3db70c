/**
 * Writes the values of all enums as one module without descriptors: the data plane imports types only, and these numbers, so that
 * it can run without loading the schema.
 */
import { createFileRegistry } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';

/**
 * The module and its types. Names are those of the generated files: `Cluster_DiscoveryType.STRICT_DNS`.
 * @param {import('@bufbuild/protobuf/wkt').FileDescriptorSet} files
 * @param {(file: string) => boolean} leftOut
 */
export function enumsOf(files, leftOut) {
  const lines = ['/** The values of the enums of the API, without its descriptors. Generated. */'];
  const types = [];
  const seen = new Set();
  for (const file of createFileRegistry(files).files) {
    if (leftOut(`${file.name}.proto`) || file.name.startsWith('google/')) continue;
    for (const type of nestedTypes(file)) {
      if (type.kind !== 'enum') continue;
      const name = nameOf(type);
      if (seen.has(name)) continue;
      seen.add(name);
      const values = type.values.map(value => `${value.localName}: ${value.number}`).join(', ');
      lines.push(`export const ${name} = Object.freeze({ ${values} });`);
      types.push(`export { ${name} } from './${file.name}_pb.js';`);
    }
  }
  return { module: `${lines.join('\n')}\n`, types: `${types.join('\n')}\n` };
}

/** @param {import('@bufbuild/protobuf').DescEnum} type */
function nameOf(type) {
  const { package: packageName } = type.file.proto;
  return type.typeName.slice(packageName.length + 1).replaceAll('.', '_');
}
