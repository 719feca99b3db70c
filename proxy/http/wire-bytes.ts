/** Bytes of one message each way, with all that its protocol puts around it. */

/** What a head costs beside its names and values, as Envoy counts HTTP/1: a colon and the end of the line for each. */
const aroundField = 3;

/** Counted by the codecs; the sum of all tries where there were several. */
export class WireBytes {
  received = 0;
  sent = 0;
  /** Of heads and trailers alone, as they were sent. */
  headersReceived = 0;
  headersSent = 0;
  /** The same without compression. */
  plainHeadersReceived = 0;
  plainHeadersSent = 0;

  /**
   * A head of HTTP/1 came; Envoy counts fields without the spaces around them, at least one, and adds up heads twice.
   * @param entries name, value, name, value …
   */
  receivedHead1(entries: readonly string[]): void {
    this.headersReceived += lengthOf(entries) + aroundField * Math.max(1, entries.length / 2);
    this.plainHeadersReceived += this.headersReceived;
  }

  /** A head of HTTP/1 goes: all but its first and its last line are its fields. */
  sentHead1(text: string): void {
    const fields = text.length - text.indexOf('\n') - 3;
    this.sent += text.length;
    this.headersSent += fields;
    this.plainHeadersSent += fields;
  }

  /** A block of HTTP/2 came, in frames of so many bytes. */
  receivedBlock(bytes: number, fields: readonly string[]): void {
    this.received += bytes;
    this.headersReceived += bytes;
    this.plainHeadersReceived += lengthOf(fields);
  }

  /** A block of HTTP/2 goes, in frames of so many bytes. */
  sentBlock(bytes: number, plainBytes: number): void {
    this.sent += bytes;
    this.headersSent += bytes;
    this.plainHeadersSent += plainBytes;
  }
}

function lengthOf(texts: readonly string[]): number {
  let length = 0;
  for (let i = 0; i < texts.length; i++) length += texts[i]!.length;
  return length;
}
