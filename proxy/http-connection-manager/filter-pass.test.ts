import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeaderMap, RequestHeaders } from '../http/headers.ts';
import {
  type FilterStream,
  type Passed,
  type PassedTrailers,
  StreamFilter,
  type Verdict,
} from '../http-filters/filter.ts';
import { RequestPass } from './filter-pass.ts';

/** A filter that writes down what it sees and says what it was told to. */
class Scripted extends StreamFilter {
  readonly name: string;
  readonly verdict: Verdict;
  readonly seen: string[];
  readonly change: (chunk: Buffer) => Passed;

  constructor(name: string, seen: string[], verdict: Verdict, change: (chunk: Buffer) => Passed = chunk => chunk) {
    super({} as FilterStream);
    this.name = name;
    this.verdict = verdict;
    this.seen = seen;
    this.change = change;
  }

  override onRequestHead(_head: RequestHeaders, end: boolean): Verdict {
    this.seen.push(`${this.name} head${end ? ' end' : ''}`);
    return this.verdict;
  }

  override onRequestData(chunk: Buffer, end: boolean): Passed {
    this.seen.push(`${this.name} ${chunk}${end ? ' end' : ''}`);
    return this.change(chunk);
  }

  override onRequestTrailers(): PassedTrailers {
    this.seen.push(`${this.name} trailers`);
    return 'continue';
  }
}

function passing(make: (seen: string[]) => Scripted[], limit = 100) {
  const seen: string[] = [];
  const behind = {
    head: (_: RequestHeaders, end: boolean) => void seen.push(`behind head${end ? ' end' : ''}`),
    data: (chunk: Buffer, end: boolean) => void seen.push(`behind ${chunk}${end ? ' end' : ''}`),
    trailers: () => void seen.push('behind trailers'),
    pause: () => void seen.push('pause'),
    resume: () => void seen.push('resume'),
  };
  const pass = new RequestPass(make(seen), behind, limit);
  return { pass, take: () => seen.splice(0) };
}

const head = new RequestHeaders();
const bytes = (text: string) => Buffer.from(text);

describe('the way through the filters', () => {
  it('goes through all of them in order', () => {
    const { pass, take } = passing(seen => [new Scripted('a', seen, 'continue'), new Scripted('b', seen, 'continue')]);
    pass.head(head, false);
    pass.data(bytes('x'), false);
    pass.trailers(new HeaderMap());
    assert.deepEqual(take(), [
      'a head',
      'b head',
      'behind head',
      'a x',
      'b x',
      'behind x',
      'a trailers',
      'b trailers',
      'behind trailers',
    ]);
  });

  it('holds what follows a head that is stopped, and lets it go after it', () => {
    const { pass, take } = passing(seen => [
      new Scripted('a', seen, 'continue'),
      new Scripted('b', seen, 'stop'),
      new Scripted('c', seen, 'continue'),
    ]);
    pass.head(head, false);
    pass.data(bytes('x'), false);
    pass.data(bytes('y'), true);
    assert.deepEqual(take(), ['a head', 'b head', 'a x', 'a y end']);
    pass.proceed(1);
    assert.deepEqual(take(), ['c head', 'behind head', 'b x', 'c x', 'behind x', 'b y end', 'c y end', 'behind y end']);
  });

  it('stops again at the next filter that stops', () => {
    const { pass, take } = passing(seen => [new Scripted('a', seen, 'stop'), new Scripted('b', seen, 'stop')]);
    pass.head(head, false);
    pass.data(bytes('x'), false);
    pass.trailers(new HeaderMap());
    pass.proceed(0);
    assert.deepEqual(take(), ['a head', 'b head', 'a x', 'a trailers']);
    pass.proceed(0);
    assert.deepEqual(take(), [], 'only the filter that holds may let go');
    pass.proceed(1);
    assert.deepEqual(take(), ['behind head', 'b x', 'behind x', 'b trailers', 'behind trailers']);
  });

  it('gives the body to a filter that collects, and sends what that gives back', () => {
    const { pass, take } = passing(seen => [
      new Scripted('a', seen, 'collect', () => 'hold'),
      new Scripted('b', seen, 'continue'),
    ]);
    pass.head(head, false);
    pass.data(bytes('x'), false);
    pass.data(bytes('y'), true);
    assert.deepEqual(take(), ['a head', 'a x', 'a y end']);
    pass.proceed(0, bytes('XY'), true);
    assert.deepEqual(take(), ['b head', 'behind head', 'b XY end', 'behind XY end']);
  });

  it('keeps trailers behind a collected body', () => {
    const { pass, take } = passing(seen => [new Scripted('a', seen, 'collect', () => 'hold')]);
    pass.head(head, false);
    pass.data(bytes('x'), false);
    pass.trailers(new HeaderMap());
    pass.proceed(0, bytes('X'), false);
    assert.deepEqual(take(), ['a head', 'a x', 'a trailers', 'behind head', 'behind X', 'behind trailers']);
  });

  it('lets a filter change the body, or keep it', () => {
    const { pass, take } = passing(seen => [
      new Scripted('a', seen, 'continue', chunk => bytes(`${chunk}${chunk}`)),
      new Scripted('b', seen, 'continue', chunk => (chunk.length > 2 ? 'hold' : chunk)),
    ]);
    pass.head(head, false);
    pass.data(bytes('x'), false);
    pass.data(bytes('yz'), true);
    assert.deepEqual(take(), ['a head', 'b head', 'behind head', 'a x', 'b xx', 'behind xx', 'a yz end', 'b yzyz end']);
    pass.send(1, bytes('late'), true);
    assert.deepEqual(take(), ['behind late end']);
  });

  it('asks for a pause when too much waits, and for more when it is gone', () => {
    const { pass, take } = passing(seen => [new Scripted('a', seen, 'stop')], 3);
    pass.head(head, false);
    pass.data(bytes('abc'), false);
    pass.data(bytes('d'), false);
    pass.data(bytes('e'), false);
    assert.deepEqual(take(), ['a head', 'pause']);
    pass.proceed(0);
    assert.deepEqual(take(), ['behind head', 'a abc', 'behind abc', 'a d', 'behind d', 'a e', 'behind e', 'resume']);
  });

  it('passes nothing once it is closed', () => {
    const { pass, take } = passing(seen => [new Scripted('a', seen, 'stop')]);
    pass.head(head, false);
    pass.data(bytes('x'), false);
    pass.close();
    pass.proceed(0);
    pass.data(bytes('y'), true);
    assert.deepEqual(take(), ['a head']);
  });
});
