import { escapeHtml } from './markdown.ts';
import type { ProofCase } from './proof.ts';

export interface ProvenExercise {
  lesson: string;
  exercise: string;
  cases: ProofCase[];
}

/** The report in the form that continuous integration reads: a suite for each exercise. */
export function junit(exercises: readonly ProvenExercise[]): string {
  const all = exercises.flatMap(exercise => exercise.cases);
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites ${totals(all)}>`];
  for (const { lesson, exercise, cases } of exercises) {
    const name = `${lesson} ${exercise}`;
    lines.push(`  <testsuite name="${escapeXml(name)}" ${totals(cases)}>`, ...cases.map(one => testCase(name, one)));
    lines.push('  </testsuite>');
  }
  return `${[...lines, '</testsuites>'].join('\n')}\n`;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

function totals(cases: readonly ProofCase[]): string {
  const failures = cases.filter(one => !one.passed).length;
  const time = cases.reduce((sum, one) => sum + one.durationMs, 0);
  return `tests="${cases.length}" failures="${failures}" time="${seconds(time)}"`;
}

function testCase(suite: string, { name, passed, detail, durationMs }: ProofCase): string {
  const head = `    <testcase classname="${escapeXml(suite)}" name="${escapeXml(name)}" time="${seconds(durationMs)}"`;
  if (passed) return `${head}/>`;
  const message = escapeXml(detail.split('\n')[0] ?? '');
  return `${head}><failure message="${message}">${escapeXml(detail)}</failure></testcase>`;
}

function escapeXml(text: string): string {
  const visible = [...text].filter(character => character >= ' ' || character === '\n' || character === '\t').join('');
  return escapeHtml(visible);
}
