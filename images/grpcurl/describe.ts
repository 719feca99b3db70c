/** Shows parts of a schema as they stand in a .proto file. */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescOneof,
  type DescService,
  ScalarType,
} from '@bufbuild/protobuf';

/** `rpc SayHello ( .greeter.HelloRequest ) returns ( .greeter.HelloReply );` */
export function methodLine({ name, input, output, methodKind }: DescMethod): string {
  const stream = (streams: boolean): string => (streams ? 'stream ' : '');
  const sends = methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
  const receives = methodKind === 'server_streaming' || methodKind === 'bidi_streaming';
  return `rpc ${name} ( ${stream(sends)}.${input.typeName} ) returns ( ${stream(receives)}.${output.typeName} );`;
}

/** A service, a message or an enum, with what it is. */
export function describe(one: DescService | DescMessage | DescEnum | DescMethod): string {
  const [fullName, kind, lines] = partsOf(one);
  return `${fullName} is ${kind}:\n${lines.join('\n')}\n`;
}

function partsOf(one: DescService | DescMessage | DescEnum | DescMethod): [string, string, string[]] {
  switch (one.kind) {
    case 'service':
      return [one.typeName, 'a service', serviceLines(one)];
    case 'message':
      return [one.typeName, 'a message', messageLines(one)];
    case 'enum':
      return [one.typeName, 'an enum', enumLines(one)];
    case 'rpc':
      return [`${one.parent.typeName}.${one.name}`, 'a method', [methodLine(one)]];
  }
}

const indented = (lines: string[]): string[] => lines.map(line => `  ${line}`);
const block = (head: string, lines: string[]): string[] => [`${head} {`, ...indented(lines), '}'];

function serviceLines({ name, methods }: DescService): string[] {
  return block(`service ${name}`, methods.map(methodLine).sort());
}

function messageLines({ name, members, nestedEnums, nestedMessages }: DescMessage): string[] {
  return block(`message ${name}`, [
    ...members.flatMap(memberLines),
    ...nestedMessages.flatMap(messageLines),
    ...nestedEnums.flatMap(enumLines),
  ]);
}

function memberLines(member: DescField | DescOneof): string[] {
  if (member.kind === 'oneof') return block(`oneof ${member.name}`, member.fields.map(fieldLine));
  return [fieldLine(member)];
}

function fieldLine(field: DescField): string {
  return `${typeOf(field)} ${field.name} = ${field.number};`;
}

function typeOf(field: DescField): string {
  switch (field.fieldKind) {
    case 'map':
      return `map<${scalarName(field.mapKey)}, ${valueType(field)}>`;
    case 'list':
      return `repeated ${valueType(field)}`;
    default:
      return field.proto.proto3Optional ? `optional ${valueType(field)}` : valueType(field);
  }
}

function valueType(field: DescField): string {
  if (field.message) return `.${field.message.typeName}`;
  if (field.enum) return `.${field.enum.typeName}`;
  return scalarName(field.scalar as ScalarType);
}

const scalarName = (type: ScalarType): string => ScalarType[type].toLowerCase();

function enumLines({ name, values }: DescEnum): string[] {
  return block(
    `enum ${name}`,
    values.map(value => `${value.name} = ${value.number};`),
  );
}
