/** What an admin handler gets and gives. */

/** One request to the admin interface. */
export interface AdminRequest {
  method: string;
  path: string;
  /** Query parameters; those of a form sent by POST too. */
  query: URLSearchParams;
}

/** One answer. */
export interface AdminReply {
  status: number;
  contentType: string;
  body: string;
  /** Whether `x-content-type-options` leads the head too. */
  nosniffTwice?: boolean;
}

/** The content type of most answers. */
export const plainText = 'text/plain; charset=UTF-8';

/** An answer of text. */
export function text(body: string, status = 200): AdminReply {
  return { status, contentType: plainText, body };
}

/** An answer of JSON, laid out as Envoy does: one space a level, a line end after it. */
export function json(value: unknown): AdminReply {
  return { status: 200, contentType: 'application/json', body: `${formatJson(value)}\n` };
}

/** A page. */
export function html(body: string): AdminReply {
  return { status: 200, contentType: 'text/html; charset=UTF-8', body };
}

function formatJson(value: unknown): string {
  return JSON.stringify(value, null, 1).replace(/[<>]/g, character => (character === '<' ? '\\u003c' : '\\u003e'));
}
