/** Control planes that are asked by plain HTTP. */
import type { Cluster } from '../cluster/cluster.ts';
import { RequestHeaders } from '../http/headers.ts';
import type { RestTransport } from '../xds/transport.ts';
import { OwnRequest } from './own-request.ts';

/** As much as a message by gRPC may have. */
const mostBody = 64 * 1024 * 1024;

/** @param cluster finds it for each request anew */
export function restTransport(clusterName: string, cluster: (name: string) => Cluster | undefined): RestTransport {
  return {
    post: (path, json, timeoutMs, onDone) => {
      const found = cluster(clusterName);
      if (found === undefined) {
        onDone(undefined);
        return () => {};
      }
      const body = Buffer.from(json);
      const request = new OwnRequest(
        headOf(path, clusterName, body.length),
        found,
        timeoutMs,
        response => onDone(response && { status: response.head.status, body: response.body.toString('utf8') }),
        { mostBody },
      );
      request.head.set('x-envoy-expected-rq-timeout-ms', String(timeoutMs));
      request.send([body]);
      return () => request.cancel();
    },
  };
}

function headOf(path: string, authority: string, length: number): RequestHeaders {
  const head = new RequestHeaders();
  head.method = 'POST';
  head.path = path;
  head.authority = authority;
  head.set('content-type', 'application/json');
  head.set('content-length', String(length));
  return head;
}
