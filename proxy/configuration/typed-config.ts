/** How the data plane reads typed_config: the loader unpacks each Any once and leaves the message on it. */
import type { Message } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';

/** An Any of the loaded configuration, with its message. */
export type UnpackedAny = Any & { message?: Message };

/** The message within, where it is of the named type: `typedConfig<Router>(any, 'envoy.extensions.filters.http.router.v3.Router')`. */
export function typedConfig<Type extends Message>(any: Any | undefined, typeName: Type['$typeName']): Type | undefined {
  const message = (any as UnpackedAny | undefined)?.message;
  return message?.$typeName === typeName ? (message as Type) : undefined;
}
