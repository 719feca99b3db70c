import { equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FractionalPercent_DenominatorType as Denominator } from '../api/enums.js';
import { RequestHeaders } from '../http/headers.ts';
import { compileShares, decide as decideBy, fractionOfPercent, requestIdRules, type Shares } from './sampling.ts';

const decide = (head: RequestHeaders, shares: Shares) => decideBy(head, shares, requestIdRules(undefined));

const none = { numerator: 0, denominator: Denominator.HUNDRED };

function headOf(id: string, ...more: string[]): RequestHeaders {
  const head = new RequestHeaders();
  head.entries = ['x-request-id', id, ...more];
  return head;
}

describe('which requests are traced', () => {
  it('is decided by the first eight digits of the request id', () => {
    const shares = compileShares({ client: undefined, random: fractionOfPercent(10), overall: undefined }, undefined);
    const idOf = (number: number) => `${number.toString(16).padStart(8, '0')}-3b6a-4c5e-8a33-2d3b1f0c9d11`;
    for (const [number, reason] of [
      [0, 'sampling'],
      [999, 'sampling'],
      [1000, 'not-traceable'],
      [9999, 'not-traceable'],
      [10_999, 'sampling'],
    ] as const)
      equal(decide(headOf(idOf(number)), shares), reason);
  });

  it('is written into the id, also where it is taken back', () => {
    const shares = compileShares({ client: undefined, random: undefined, overall: none }, undefined);
    const head = headOf('6f4b54e0-3b6a-7c5e-8a33-2d3b1f0c9d11');
    equal(decide(head, shares), 'not-traceable');
    match(head.get('x-request-id')!, /^6f4b54e0-3b6a-4c5e/);
  });

  it('leaves ids alone that others made in another form', () => {
    const shares = compileShares({ client: none, random: undefined, overall: undefined }, undefined);
    const head = headOf('6f4b54e0');
    equal(decide(head, shares), 'sampling');
    equal(head.get('x-request-id'), '6f4b54e0');
    equal(decide(headOf('mine'), shares), 'not-traceable');
  });

  it('leaves ids alone where reasons are not packed into them', () => {
    const shares = compileShares({ client: none, random: undefined, overall: undefined }, undefined);
    const head = headOf('6f4b54e0-3b6a-bc5e-8a33-2d3b1f0c9d11');
    equal(decideBy(head, shares, { packsReason: false, samplesById: true }), 'sampling');
    equal(head.get('x-request-id'), '6f4b54e0-3b6a-bc5e-8a33-2d3b1f0c9d11');
  });

  it('is not asked where ids do not decide', () => {
    const shares = compileShares({ client: none, random: none, overall: none }, undefined);
    equal(decideBy(headOf('mine'), shares, { packsReason: true, samplesById: false }), 'sampling');
  });
});
