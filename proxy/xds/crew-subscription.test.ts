import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deserialize } from 'node:v8';
import type { LoadedResource } from '../configuration/resources.ts';
import { Log } from '../log.ts';
import type { Crew, Told } from '../workers/crew.ts';
import { Mailbox } from '../workers/mailbox.ts';
import type { News, Report, ToldUpdate } from '../workers/news.ts';
import { FollowedSubscription, subscriptionName, TellingConsumer } from './crew-subscription.ts';
import type { Subscription, Update } from './subscription.ts';

const interest = { typeName: 'envoy.config.route.v3.VirtualHost', within: 'routes' };

const resource = (name: string): LoadedResource => ({ name, document: { name } }) as unknown as LoadedResource;

const update = (version: string, names: string[], removed: string[] = [], answered: string[] = []): Update => ({
  version,
  resources: names.map(resource),
  refused: [],
  removed,
  answered,
});

function tellingTo(news: News[], accept: (update: Update) => void = () => {}): TellingConsumer {
  const crew = { tell: (one: News) => void news.push(one) } as unknown as Crew;
  return new TellingConsumer('hosts', interest, crew, { accept });
}

const told = (news: readonly News[]): ToldUpdate[] =>
  news.flatMap(one => (one.kind === 'resources' ? [deserialize(one.packed) as ToldUpdate] : []));

test('of changes, the other workers are told all that there is', async () => {
  const news: News[] = [];
  const telling = tellingTo(news);
  await telling.accept(update('1', ['routes/a', 'routes/b'], [], ['routes/a']));
  await telling.accept(update('2', ['routes/c'], ['routes/a'], ['routes/c']));
  const last = told(news).at(-1);
  assert.deepEqual(
    last?.resources.map(({ name, version }) => [name, version]),
    [
      ['routes/b', '1'],
      ['routes/c', '2'],
    ],
  );
  assert.equal(last?.removed, undefined);
  assert.deepEqual(last?.answered, ['routes/a', 'routes/c']);
});

test('what is refused is not told, and not held', async () => {
  const news: News[] = [];
  let refuses = true;
  const telling = tellingTo(news, () => {
    if (refuses) throw new Error('no');
  });
  await assert.rejects(async () => telling.accept(update('1', ['routes/a'])));
  refuses = false;
  await telling.accept(update('2', ['routes/b']));
  assert.deepEqual(
    told(news).map(one => one?.resources.map(({ name }) => name)),
    [['routes/b']],
  );
});

test('what a request of another worker wants is asked for by the first one', () => {
  const reports: Report[] = [];
  const name = subscriptionName(undefined, interest);
  const followed = new FollowedSubscription(
    name,
    {
      hosts: new Mailbox(),
      resources: new Mailbox<ToldUpdate>(),
      report: (one: Report) => void reports.push(one),
    } satisfies Told,
    { accept: () => {} },
    new Log('off'),
  );
  followed.demand('routes/a');
  assert.deepEqual(reports, [{ kind: 'demand', subscription: name, name: 'routes/a' }]);
  const asked: string[] = [];
  const inner: Subscription = { start: async () => {}, stop: () => {}, demand: one => void asked.push(one) };
  tellingTo([]).over(inner).demand?.('routes/a');
  assert.deepEqual(asked, ['routes/a']);
});
