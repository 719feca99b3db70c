/** What the service greeter understands. */
import { reflectionSchema, reflectionVersions } from '../grpc/reflection-schema.ts';
import type { SchemaFile } from '../grpc/schema.ts';

const greeter: SchemaFile = {
  name: 'greeter.proto',
  package: 'greeter',
  messages: {
    HelloRequest: ['string name = 1'],
    HelloReply: ['string message = 1'],
    HellosRequest: ['string name = 1', 'int32 count = 2'],
    LaterRequest: ['string name = 1', 'double seconds = 2'],
    HeadersRequest: [],
    HeadersReply: ['repeated Header headers = 1'],
    Header: ['string name = 1', 'string value = 2'],
  },
  services: {
    Greeter: [
      'SayHello (HelloRequest) returns (HelloReply)',
      'SayHellos (HellosRequest) returns (stream HelloReply)',
      'SayHelloToEach (stream HelloRequest) returns (stream HelloReply)',
      'SayHelloLater (LaterRequest) returns (HelloReply)',
      'SayHelloMaybe (HelloRequest) returns (HelloReply)',
      'SayGoodbye (HelloRequest) returns (HelloReply)',
      'ShowHeaders (HeadersRequest) returns (HeadersReply)',
    ],
  },
};

/** @see https://grpc.io/docs/guides/health-checking/ */
const health: SchemaFile = {
  name: 'grpc/health/v1/health.proto',
  package: 'grpc.health.v1',
  messages: {
    HealthCheckRequest: ['string service = 1'],
    HealthCheckResponse: ['HealthCheckResponse.ServingStatus status = 1'],
  },
  enums: { 'HealthCheckResponse.ServingStatus': ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] },
  services: {
    Health: [
      'Check (HealthCheckRequest) returns (HealthCheckResponse)',
      'Watch (HealthCheckRequest) returns (stream HealthCheckResponse)',
    ],
  },
};

/** All files of the service, in the order in which its services are listed. */
export const greeterFiles: readonly SchemaFile[] = [greeter, health, ...reflectionVersions.map(reflectionSchema)];
