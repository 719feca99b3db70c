import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { RdsSchema } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { DynamicMetadata } from '../dynamic-metadata.ts';
import { RequestHeaders } from '../http/headers.ts';
import { StatsStore } from '../stats/store.ts';
import type { XdsContext } from '../xds/xds-context.ts';
import { routeSource } from './make-route-source.ts';
import type { RouteSourceContext } from './route-context.ts';

test('routes that several share see all that is known of a request, what filters told of it too', () => {
  const seen: unknown[] = [];
  const shared = { find: (...known: unknown[]) => void seen.push(known) };
  const xds = { share: () => ({ shared, release: () => {} }) } as unknown as XdsContext;
  const context = { xds } as RouteSourceContext;
  const source = routeSource({ case: 'rds', value: create(RdsSchema) }, context, new StatsStore().scope(''));
  const [head, metadata] = [new RequestHeaders(), new DynamicMetadata()];
  source.find(head, 7, metadata);
  assert.deepEqual(seen, [[head, 7, metadata]]);
});
