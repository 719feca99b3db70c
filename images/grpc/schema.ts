/** Schemas of protocol buffers, written down in a form like that of a .proto file, and made into descriptors when they are needed. */
import { create, createFileRegistry, type FileRegistry } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  EnumValueDescriptorProtoSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodDescriptorProtoSchema,
  OneofDescriptorProtoSchema,
  ServiceDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

/** One .proto file of syntax 3 that imports nothing. */
export interface SchemaFile {
  name: string;
  package: string;
  /** Fields by message: `repeated string names = 1`, or `ONEOF: string name = 1`. */
  messages: Record<string, string[]>;
  /** Values from 0 on by enum, which stands inside a message: `Message.Enum`. */
  enums?: Record<string, string[]>;
  /** Methods by service: `Name (stream Request) returns (stream Reply)`. */
  services: Record<string, string[]>;
}

const scalars: Record<string, FieldDescriptorProto_Type> = {
  double: FieldDescriptorProto_Type.DOUBLE,
  int32: FieldDescriptorProto_Type.INT32,
  string: FieldDescriptorProto_Type.STRING,
  bytes: FieldDescriptorProto_Type.BYTES,
};
const fieldForm = /^(?:(\w+): )?(repeated )?([\w.]+) (\w+) = (\d+)$/;
const methodForm = /^(\w+) \((stream )?(\w+)\) returns \((stream )?(\w+)\)$/;

/** The descriptor of a file. @throws Error where a line is not of the form */
export function describeFile(file: SchemaFile): FileDescriptorProto {
  return create(FileDescriptorProtoSchema, {
    name: file.name,
    package: file.package,
    syntax: 'proto3',
    messageType: Object.entries(file.messages).map(([name, fields]) => describeMessage(file, name, fields)),
    service: Object.entries(file.services).map(([name, methods]) =>
      create(ServiceDescriptorProtoSchema, { name, method: methods.map(method => describeMethod(file, method)) }),
    ),
  });
}

/** What all of these files define, by name. */
export function registryOf(files: readonly FileDescriptorProto[]): FileRegistry {
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [...files] }));
}

function describeMessage(file: SchemaFile, name: string, fields: string[]): DescriptorProto {
  const oneofs = [...new Set(fields.flatMap(field => fieldForm.exec(field)?.[1] ?? []))];
  const enums = Object.entries(file.enums ?? {}).filter(([place]) => place.startsWith(`${name}.`));
  return create(DescriptorProtoSchema, {
    name,
    field: fields.map(field => describeField(file, field, oneofs)),
    oneofDecl: oneofs.map(oneof => create(OneofDescriptorProtoSchema, { name: oneof })),
    enumType: enums.map(([place, values]) =>
      create(EnumDescriptorProtoSchema, {
        name: place.slice(name.length + 1),
        value: values.map((value, number) => create(EnumValueDescriptorProtoSchema, { name: value, number })),
      }),
    ),
  });
}

function describeField(file: SchemaFile, line: string, oneofs: string[]) {
  const [, oneof, repeated, type = '', name = '', number] = matched(fieldForm, line);
  const ofMessage = type in (file.enums ?? {}) ? FieldDescriptorProto_Type.ENUM : FieldDescriptorProto_Type.MESSAGE;
  return create(FieldDescriptorProtoSchema, {
    name,
    jsonName: name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    number: Number(number),
    label: repeated ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
    type: scalars[type] ?? ofMessage,
    ...(type in scalars ? {} : { typeName: `.${file.package}.${type}` }),
    ...(oneof === undefined ? {} : { oneofIndex: oneofs.indexOf(oneof) }),
  });
}

function describeMethod(file: SchemaFile, line: string) {
  const [, name = '', clientStreaming, input, serverStreaming, output] = matched(methodForm, line);
  return create(MethodDescriptorProtoSchema, {
    name,
    inputType: `.${file.package}.${input}`,
    outputType: `.${file.package}.${output}`,
    clientStreaming: clientStreaming !== undefined,
    serverStreaming: serverStreaming !== undefined,
  });
}

function matched(form: RegExp, line: string): RegExpExecArray {
  const found = form.exec(line);
  if (found === null) throw new Error(`"${line}" is not of the form ${form.source}`);
  return found;
}
