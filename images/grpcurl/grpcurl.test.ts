import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { methodsOf } from '../greeter/methods.ts';
import { greeterFiles } from '../greeter/schema.ts';
import { grpcServer } from '../greeter/server.ts';
import { describeFile, registryOf } from '../grpc/schema.ts';
import { jsonValues } from './json-values.ts';

interface Ended {
  status: number | null;
  output: string;
  error: string;
}

function grpcurl(...args: string[]): Promise<Ended> {
  return new Promise(resolve => {
    const child = execFile(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], (_, output, error) =>
      resolve({ status: child.exitCode, output, error }),
    );
  });
}

const registry = registryOf(greeterFiles.map(describeFile));
const server = grpcServer(registry, methodsOf(registry), () => {});
let address = '';

before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

const greet = (...args: string[]) => grpcurl('-plaintext', ...args);

describe('grpcurl', { concurrency: 2 }, () => {
  it('lists services and methods', async () => {
    const services = ['greeter.Greeter', 'grpc.health.v1.Health', 'grpc.reflection.v1.ServerReflection'];
    const { status, output } = await greet(address, 'list');
    assert.deepEqual(
      [status, output.trim().split('\n')],
      [0, [...services, 'grpc.reflection.v1alpha.ServerReflection']],
    );
    assert.match((await greet(address, 'list', 'greeter.Greeter')).output, /^greeter\.Greeter\.SayHello$/m);
  });

  it('describes what is asked for', async () => {
    const { output } = await greet(address, 'describe', 'greeter.Greeter.SayHellos');
    const line = 'rpc SayHellos ( .greeter.HellosRequest ) returns ( stream .greeter.HelloReply );';
    assert.equal(output, `greeter.Greeter.SayHellos is a method:\n${line}\n`);
    const message = await greet(address, 'describe', '.grpc.health.v1.HealthCheckResponse');
    assert.match(
      message.output,
      /^message HealthCheckResponse \{\n {2}\.\S+\.ServingStatus status = 1;\n {2}enum ServingStatus \{\n/m,
    );
    const { status, error } = await greet(address, 'describe', 'nobody');
    assert.deepEqual([status, error], [1, 'Failed to resolve symbol "nobody": Symbol not found: nobody\n']);
  });

  it('shows an answer as JSON, and all around it when it is asked to', async () => {
    const { status, output } = await greet('-d', '{"name": "ada"}', address, 'greeter.Greeter/SayHello');
    assert.deepEqual([status, output], [0, '{\n  "message": "Hello, ada"\n}\n']);
    const verbose = await greet('-v', '-H', 'X-User: ada', '-d={"count":1}', address, 'greeter.Greeter.SayHellos');
    const parts = [
      'rpc SayHellos',
      '\nx-user: ada\n',
      '\nResponse headers received:\ncontent-type: application/grpc\n',
    ];
    for (const part of [...parts, 'Hello, world, 1 of 1', 'Sent 1 request and received 1 response\n'])
      assert.ok(verbose.output.includes(part), `${part} in ${verbose.output}`);
  });

  it('ends with the code of a call that failed', async () => {
    const { status, output, error } = await greet(address, 'greeter.Greeter/SayGoodbye');
    assert.deepEqual([status, output, error], [69, '', 'ERROR:\n  Code: NotFound\n  Message: world is not here\n']);
  });

  it('tells the server how long it waits, and waits no longer', async () => {
    const headers = await greet('-max-time', '7', address, 'greeter.Greeter/ShowHeaders');
    assert.match(headers.output, /"grpc-timeout",\n\s+"value": "6\d{6}u"/);
    const { status, error } = await greet('-max-time', '1', address, 'greeter.Greeter/SayHelloLater');
    assert.deepEqual([status, error], [68, 'ERROR:\n  Code: DeadlineExceeded\n  Message: context deadline exceeded\n']);
  });

  it('says what is wrong with a request', async () => {
    const wrong: [string[], RegExp][] = [
      [['-d', '{"nam": 1}', address, 'greeter.Greeter/SayHello'], /error getting request data: .*"nam" is unknown/],
      [['-d', '{"name":', address, 'greeter.Greeter/SayHello'], /error getting request data: /],
      [[address, 'greeter.Greeter/Nothing'], /service "greeter.Greeter" does not include a method named "Nothing"/],
      [[address, 'greeter.Nobody/SayHello'], /target server does not expose service "greeter.Nobody"/],
    ];
    for (const [args, expected] of wrong) {
      const { status, error } = await greet(...args);
      assert.equal(status, 1);
      assert.match(error, expected);
    }
  });

  it('says why there is no connection', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    const plain = createPlainServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await Promise.all([once(silent, 'listening'), once(plain, 'listening')]);
    const at = (one: typeof silent) => `127.0.0.1:${(one.address() as AddressInfo).port}`;
    const nobody = await greet('127.0.0.1:1', 'list');
    assert.deepEqual([nobody.status, /connection refused/.test(nobody.error)], [1, true]);
    assert.match((await greet('-connect-timeout', '0.3', at(silent), 'list')).error, /context deadline exceeded/);
    assert.match((await greet(at(plain), 'list')).error, /^Failed to dial target host/);
    assert.match((await grpcurl(at(plain), 'list')).error, /does not look like a TLS handshake/);
    silent.close();
    plain.close();
    plain.closeAllConnections();
  });

  it('verifies a server that it speaks TLS with', async () => {
    const tls = (name: string) => join(import.meta.dirname, '../../test/fixtures/tls', name);
    const secure = createSecureServer({ cert: readFileSync(tls('one.pem')), key: readFileSync(tls('one.key')) });
    secure.on('stream', stream =>
      stream.respond({ ':status': 503, 'content-type': 'text/plain' }, { endStream: true }),
    );
    await once(secure.listen(0, '127.0.0.1'), 'listening');
    const place = `127.0.0.1:${(secure.address() as AddressInfo).port}`;
    assert.match((await grpcurl(place, 'list')).error, /Failed to dial target host/);
    const answered =
      'Failed to list services: rpc error: code = Unavailable desc = unexpected HTTP status code received from server: 503 (Service Unavailable); transport: received unexpected content-type "text/plain"\n';
    assert.equal((await grpcurl('-insecure', place, 'list')).error, answered);
    assert.equal(
      (await grpcurl('-cacert', tls('authority.pem'), '-authority', 'one.example', place, 'list')).error,
      answered,
    );
    secure.close();
  });

  it('helps, and refuses flags that it does not know', async () => {
    assert.match((await grpcurl('-help')).output, /^Usage: grpcurl .*workshop's/s);
    for (const args of [
      ['-import-path', 'a'],
      ['-d'],
      ['-plaintext'],
      ['a', 'b', '-v'],
      ['-plaintext', '-insecure', 'a', 'b'],
      ['-max-time', 'x', 'a', 'b'],
    ]) {
      const { status, error } = await grpcurl(...args);
      assert.deepEqual([status, error.endsWith("Try 'grpcurl -help' for more details.\n")], [2, true], args.join(' '));
    }
  });
});

it('JSON values are told apart, whatever stands between them', () => {
  assert.deepEqual(jsonValues('{"a":"}{"} {"b":["\\""]}\n[1]'), [{ a: '}{' }, { b: ['"'] }, [1]]);
  assert.deepEqual(jsonValues(' '), []);
  assert.throws(() => jsonValues('{"a":1}{'), SyntaxError);
});
