/** What a server tells of its schema. @see https://grpc.io/docs/guides/reflection/ */
import type { SchemaFile } from './schema.ts';

/** The versions of the protocol, which differ in nothing but their names; clients ask for the newest first. */
export const reflectionVersions = ['v1', 'v1alpha'] as const;
export type ReflectionVersion = (typeof reflectionVersions)[number];

/** The schema of one version. */
export function reflectionSchema(version: ReflectionVersion): SchemaFile {
  return {
    name: `grpc/reflection/${version}/reflection.proto`,
    package: `grpc.reflection.${version}`,
    messages: {
      ServerReflectionRequest: [
        'string host = 1',
        'message_request: string file_by_filename = 3',
        'message_request: string file_containing_symbol = 4',
        'message_request: ExtensionRequest file_containing_extension = 5',
        'message_request: string all_extension_numbers_of_type = 6',
        'message_request: string list_services = 7',
      ],
      ExtensionRequest: ['string containing_type = 1', 'int32 extension_number = 2'],
      ServerReflectionResponse: [
        'string valid_host = 1',
        'ServerReflectionRequest original_request = 2',
        'message_response: FileDescriptorResponse file_descriptor_response = 4',
        'message_response: ExtensionNumberResponse all_extension_numbers_response = 5',
        'message_response: ListServiceResponse list_services_response = 6',
        'message_response: ErrorResponse error_response = 7',
      ],
      FileDescriptorResponse: ['repeated bytes file_descriptor_proto = 1'],
      ExtensionNumberResponse: ['string base_type_name = 1', 'repeated int32 extension_number = 2'],
      ListServiceResponse: ['repeated ServiceResponse service = 1'],
      ServiceResponse: ['string name = 1'],
      ErrorResponse: ['int32 error_code = 1', 'string error_message = 2'],
    },
    services: {
      ServerReflection: [
        'ServerReflectionInfo (stream ServerReflectionRequest) returns (stream ServerReflectionResponse)',
      ],
    },
  };
}
