/** Configuration in a form that takes little memory for as long as the proxy runs. */
import { DefaultDeserializer } from 'node:v8';
import type { JsonObject } from './json.ts';

/** A document as its text: objects take eight times as much, and hardly anybody looks at them. */
export class KeptDocument {
  readonly text: string;

  constructor(document: JsonObject) {
    this.text = JSON.stringify(document);
  }

  get document(): JsonObject {
    return JSON.parse(this.text) as JsonObject;
  }
}

/** As `deserialize` of node:v8, whose byte arrays are views: a single empty one keeps all of what it was read from. */
export function deserializeDetached(bytes: Uint8Array): unknown {
  const deserializer: Deserializer = new DefaultDeserializer(bytes) as Deserializer;
  const readView = deserializer._readHostObject;
  deserializer._readHostObject = () => {
    const view = readView.call(deserializer);
    return view instanceof Uint8Array ? Uint8Array.prototype.slice.call(view) : view;
  };
  deserializer.readHeader();
  return deserializer.readValue();
}

type Deserializer = DefaultDeserializer & { _readHostObject(): unknown };
