/** What httpbin tells about a request. */
import { type Exchange, Refusal } from './exchange.ts';

type Values = Record<string, string | string[]>;

/** The headers as httpbin shows them: `X-Request-Id`, several of one name joined by a comma. */
export function headersOf(exchange: Exchange): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const [name, values] of Object.entries(exchange.request.headersDistinct)) {
    shown[titleCase(name)] = (values ?? []).join(',');
  }
  return shown;
}

/** `x-request-id` → `X-Request-Id` */
export function titleCase(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, letter => letter.toUpperCase());
}

/** The client's address, as the last proxies told it. */
export function originOf({ request }: Exchange): string {
  const forwarded = request.headersDistinct['x-forwarded-for'];
  return forwarded?.join(', ') ?? request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
}

/** The URL that the client meant. */
export function urlOf({ request, url }: Exchange): string {
  const scheme = request.headersDistinct['x-forwarded-proto']?.[0] === 'https' ? 'https' : 'http';
  return `${scheme}://${request.headers.host ?? url.host}${decodeSafely(url.pathname)}${url.search}`;
}

/** What /get tells. */
export function describe(exchange: Exchange): Record<string, unknown> {
  return {
    args: valuesOf(exchange.url.searchParams),
    headers: headersOf(exchange),
    origin: originOf(exchange),
    url: urlOf(exchange),
  };
}

/** What /post tells: the request with its body, as text, form or JSON. */
export function describeWithBody(exchange: Exchange): Record<string, unknown> {
  const type = exchange.request.headers['content-type'] ?? '';
  const isForm = type.startsWith('application/x-www-form-urlencoded');
  const text = exchange.body.toString('utf8');
  const readable = Buffer.from(text).equals(exchange.body);
  const data = readable ? text : `data:application/octet-stream;base64,${exchange.body.toString('base64')}`;
  return {
    ...describe(exchange),
    data: isForm ? '' : data,
    files: {},
    form: isForm ? valuesOf(new URLSearchParams(text)) : {},
    json: parsed(text),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A query or a form: one value as it is, several as a list. */
export function valuesOf(parameters: URLSearchParams): Values {
  const values: Values = {};
  for (const name of new Set(parameters.keys())) {
    const all = parameters.getAll(name);
    values[name] = all.length === 1 ? (all[0] ?? '') : all;
  }
  return values;
}

/** The cookies that the client sent. */
export function cookiesOf({ request }: Exchange): Record<string, string> {
  const cookies: Record<string, string> = {};
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0) cookies[pair.slice(0, at).trim()] = pair.slice(at + 1).trim();
  }
  return cookies;
}

/** Decodes the part of a path, or refuses the request. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(400, `"${text}" in the path is not well encoded`);
  }
}

function decodeSafely(text: string): string {
  try {
    return decodeURI(text);
  } catch {
    return text;
  }
}
