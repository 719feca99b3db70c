/** A host of a service: `upstream-main.ts SERVICE PORT`. It tells who it is, and what it was asked. */
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { answerOf } from './answer.ts';

const [service = '', port] = process.argv.slice(2);

createServer(async (request, response) => {
  const body = answerOf(service, request.method ?? '', request.url ?? '', await text(request).catch(() => ''));
  response.writeHead(200, { 'content-length': body.length }).end(body);
}).listen(Number(port), '127.0.0.1', () => process.send?.('listening'));

// Whoever started it is gone.
process.on('disconnect', () => process.exit());
