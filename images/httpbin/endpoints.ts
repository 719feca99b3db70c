/** The endpoints: a table, since each is what its line says. */
import {
  anything,
  basicAuth,
  bytes,
  delay,
  drip,
  redirect,
  redirectTo,
  responseHeaders,
  setCookies,
  status,
  stream,
  streamBytes,
} from './answers.ts';
import { answerChain, type Link } from './chain.ts';
import { cookiesOf, describe, describeWithBody, headersOf, originOf } from './description.ts';
import { type Exchange, json, limits } from './exchange.ts';
import { Flaky } from './flaky.ts';
import { Health } from './health.ts';

export interface Endpoint {
  /** `*`: all of them. */
  methods: '*' | string[];
  /** Segments; `:name` takes one of any value, `*` all the rest. */
  path: string;
  /** An example to click, where one GET shows it. */
  example?: string;
  summary: string;
  answer: (exchange: Exchange) => void | Promise<void>;
}

const any = '*';
const read = ['GET', 'HEAD'];

/** All endpoints, first match wins. @param link what this one is in a chain of services */
export function endpoints(link: Link): Endpoint[] {
  const flaky = new Flaky();
  const health = new Health();
  return [
    {
      methods: read,
      path: '/headers',
      example: '/headers',
      summary: 'the headers of the request',
      answer: x => json(x, { headers: headersOf(x) }),
    },
    {
      methods: read,
      path: '/ip',
      example: '/ip',
      summary: "the client's address",
      answer: x => json(x, { origin: originOf(x) }),
    },
    {
      methods: read,
      path: '/user-agent',
      example: '/user-agent',
      summary: "the client's User-Agent",
      answer: x => json(x, { 'user-agent': x.request.headers['user-agent'] ?? null }),
    },
    {
      methods: read,
      path: '/uuid',
      example: '/uuid',
      summary: 'a random UUID',
      answer: x => json(x, { uuid: crypto.randomUUID() }),
    },
    {
      methods: read,
      path: '/get',
      example: '/get?show=this',
      summary: 'the GET request',
      answer: x => json(x, describe(x)),
    },
    ...['POST', 'PUT', 'PATCH', 'DELETE'].map(method => ({
      methods: [method],
      path: `/${method.toLowerCase()}`,
      summary: `the ${method} request with its body`,
      answer: (x: Exchange) => json(x, describeWithBody(x)),
    })),
    { methods: any, path: '/anything', example: '/anything', summary: 'any request', answer: anything },
    { methods: any, path: '/anything/*', example: '/anything/at/all', summary: 'any request', answer: anything },
    {
      methods: any,
      path: '/status/:codes',
      example: '/status/418',
      summary: 'that status; or one of several, weighted: /status/200:0.7,500:0.3',
      answer: status,
    },
    {
      methods: any,
      path: '/delay/:seconds',
      example: '/delay/3',
      summary: `answers after so many seconds (at most ${limits.seconds})`,
      answer: delay,
    },
    {
      methods: any,
      path: '/flaky/:times',
      example: '/flaky/2',
      summary:
        'fails so many times with 503 (?status=), then succeeds; counted for each x-flaky-key, ?key= or x-request-id',
      answer: x => flaky.answer(x),
    },
    {
      methods: read,
      path: '/bytes/:count',
      example: '/bytes/1024',
      summary: `random bytes (at most ${limits.bytes})`,
      answer: bytes,
    },
    {
      methods: read,
      path: '/stream-bytes/:count',
      example: '/stream-bytes/1000000',
      summary: `random bytes in chunks, as fast as they are read (at most ${limits.streamedBytes}): chunk_size`,
      answer: streamBytes,
    },
    {
      methods: read,
      path: '/stream/:lines',
      example: '/stream/5',
      summary: `lines of JSON, one by one (at most ${limits.lines})`,
      answer: stream,
    },
    {
      methods: read,
      path: '/drip',
      example: '/drip?numbytes=5&duration=5',
      summary: 'bytes over a time: numbytes, duration, delay, code',
      answer: drip,
    },
    {
      methods: read,
      path: '/basic-auth/:user/:password',
      example: '/basic-auth/user/secret',
      summary: 'asks for that user and password',
      answer: basicAuth,
    },
    {
      methods: read,
      path: '/cookies',
      example: '/cookies',
      summary: 'the cookies of the request',
      answer: x => json(x, { cookies: cookiesOf(x) }),
    },
    {
      methods: read,
      path: '/cookies/set',
      example: '/cookies/set?a=b',
      summary: 'sets cookies',
      answer: x => setCookies(x, [...x.url.searchParams]),
    },
    {
      methods: read,
      path: '/cookies/set/:name/:value',
      summary: 'sets a cookie',
      answer: x => setCookies(x, [[x.path.name ?? '', x.path.value ?? '']]),
    },
    {
      methods: read,
      path: '/cookies/delete',
      example: '/cookies/delete?a',
      summary: 'deletes cookies',
      answer: x =>
        setCookies(
          x,
          [...x.url.searchParams.keys()].map(name => [name, null]),
        ),
    },
    {
      methods: read,
      path: '/redirect/:times',
      example: '/redirect/2',
      summary: 'redirects so many times',
      answer: x => redirect(x, false),
    },
    {
      methods: read,
      path: '/relative-redirect/:times',
      example: '/relative-redirect/2',
      summary: 'the same',
      answer: x => redirect(x, false),
    },
    {
      methods: read,
      path: '/absolute-redirect/:times',
      example: '/absolute-redirect/2',
      summary: 'the same, by absolute addresses',
      answer: x => redirect(x, true),
    },
    {
      methods: read,
      path: '/chain',
      example: '/chain',
      summary: 'its name, and what the next service of the chain answers',
      answer: x => answerChain(x, link),
    },
    {
      methods: any,
      path: '/redirect-to',
      example: '/redirect-to?url=/get&status_code=307',
      summary: 'redirects to a URL',
      answer: redirectTo,
    },
    {
      methods: any,
      path: '/response-headers',
      example: '/response-headers?x-of-mine=1',
      summary: 'the headers that the query asks for',
      answer: responseHeaders,
    },
    {
      methods: read,
      path: '/healthz',
      example: '/healthz',
      summary: 'whether it is well',
      answer: x => health.answer(x),
    },
    {
      methods: ['POST'],
      path: '/healthz',
      summary: 'from now on /healthz answers with the status of the query: /healthz?status=503',
      answer: x => health.set(x),
    },
  ];
}
