import { deepEqual, equal, throws } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfiguration } from './configuration.ts';

const entriesOf = (descriptor: string) =>
  descriptor.split(' ').map(entry => {
    const [key = '', value = ''] = entry.split('=');
    return { key, value };
  });

describe('the limit of a descriptor', () => {
  const { domain, rules } = readConfiguration(
    `
domain: shop
descriptors:
  - key: user
    rate_limit: { unit: minute, requests_per_unit: 5 }
  - key: user
    value: ada
    rate_limit: { unit: HOUR, requests_per_unit: 100, name: of-ada }
    descriptors:
      - key: path
        value: 007
        rate_limit: { unit: day, requests_per_unit: 1 }
  - key: user
    value: bot-*
    rate_limit: { unit: second, requests_per_unit: 0 }
  - key: user
    value: root
    rate_limit: { unlimited: true }
  - key: path
    value: /free
  - key: place
    descriptors:
      - key: user
        shadow_mode: true
        rate_limit: { unit: year, requests_per_unit: 2 }
`,
    'limits.yaml',
  );
  const limitOf = (descriptor: string) => {
    const limit = rules.ruleOf(entriesOf(descriptor))?.limit;
    return typeof limit === 'object' ? `${limit.requestsPerUnit} per ${limit.unit}` : limit;
  };

  it('is that of its value, else of the beginning of it, else of its key', () => {
    equal(domain, 'shop');
    deepEqual(['user=ada', 'user=bot-7', 'user=root', 'user=carol', 'user='].map(limitOf), [
      '100 per hour',
      '0 per second',
      'unlimited',
      '5 per minute',
      '5 per minute',
    ]);
  });

  it('is that of the whole of it, as deep as it is', () => {
    deepEqual(
      ['user=ada path=007', 'user=ada path=7', 'user=carol path=007', 'place=here', 'place=here user=bob'].map(limitOf),
      ['1 per day', undefined, undefined, undefined, '2 per year'],
    );
  });

  it('is none where nothing fits, or nothing is said', () => {
    deepEqual(['path=/free', 'path=/other', 'team=red'].map(limitOf), [undefined, undefined, undefined]);
  });
});

describe('a configuration that cannot be used', () => {
  const wrong: [name: string, text: string, message: RegExp][] = [
    ['is empty', '', /^a\.yaml:1:1: fields are expected: domain, descriptors$/],
    ['is no YAML', 'domain: [', /^a\.yaml:1:\d+: /],
    ['has no domain', 'descriptors: []', /^a\.yaml:1:1: domain is missing/],
    ['has no list', 'domain: a\ndescriptors: { key: b }', /^a\.yaml:2:14: descriptors: a list is expected/],
    ['has no key', 'domain: a\ndescriptors:\n  - value: b', /^a\.yaml:3:5: descriptors\[0\]: key is missing$/],
    [
      'has a field that nobody knows',
      'domain: a\ndescriptors:\n  - key: b\n    limit: 3',
      /^a\.yaml:4:12: descriptors\[0\]\.limit: limit is not known here; known are key, value, rate_limit/,
    ],
    [
      'has a unit that nobody knows',
      'domain: a\ndescriptors:\n  - key: b\n    rate_limit:\n      unit: minutes\n      requests_per_unit: 3',
      /^a\.yaml:5:13: descriptors\[0\]\.rate_limit\.unit: unit "minutes": one of second, minute, hour, day, month, year$/,
    ],
    [
      'has no unit',
      'domain: a\ndescriptors:\n  - key: b\n    rate_limit: { requests_per_unit: 3 }',
      /^a\.yaml:4:17: descriptors\[0\]\.rate_limit: unit is missing/,
    ],
    [
      'has no number',
      'domain: a\ndescriptors:\n  - key: b\n    rate_limit: { unit: hour, requests_per_unit: many }',
      /^a\.yaml:4:50: .*requests_per_unit has to be a number, such as 5$/,
    ],
    [
      'says the same twice',
      'domain: a\ndescriptors:\n  - { key: b, value: c }\n  - key: b\n  - { key: b, value: c }',
      /^a\.yaml:5:5: descriptors\[2\]: b=c stands in this list twice$/,
    ],
    [
      'has a unit for what has no limit',
      'domain: a\ndescriptors:\n  - key: b\n    rate_limit: { unlimited: true, unit: hour }',
      /: what is unlimited has no unit$/,
    ],
  ];
  for (const [name, text, message] of wrong)
    it(name, () => throws(() => readConfiguration(text, 'a.yaml'), { code: 'configuration', message }));
});
