/** Tables and figures for a person at a terminal. */

/** Prints rows in columns, numbers to the right. */
export function printTable(title: string, head: string[], rows: (string | number)[][]): void {
  const cells = [head, ...rows.map(row => row.map(String))];
  const widths = head.map((_, i) => Math.max(...cells.map(row => row[i]?.length ?? 0)));
  const line = (row: string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  console.log(`\n${title}`);
  for (const row of cells) console.log(`  ${line(row)}`.trimEnd());
}

/** Prints whether a figure reaches what was aimed for. */
export function printTarget(
  what: string,
  found: number,
  compare: 'under' | 'at least' | 'at most',
  target: number,
  unit: string,
): void {
  const reached = compare === 'at least' ? found >= target : compare === 'under' ? found < target : found <= target;
  console.log(
    `  ${reached ? 'reached' : 'MISSED '}  ${what}: ${round(found)} ${unit}, aim ${compare} ${target} ${unit}`,
  );
}

export function round(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
}

/** The value below which that share of the values lies. */
export function quantile(values: number[], share: number): number {
  const inOrder = [...values].sort((a, b) => a - b);
  return inOrder[Math.min(inOrder.length - 1, Math.floor(share * inOrder.length))] ?? Number.NaN;
}

export const median = (values: number[]): number => quantile(values, 0.5);
