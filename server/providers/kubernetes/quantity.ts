/** Amounts as Kubernetes writes them. @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity */

/** A quantity in bytes, or in pieces; NaN where there is none. */
export function bytesOf(quantity: string): number {
  const [, number, unit = ''] = /^([\d.]+)([A-Za-z]*)$/.exec(quantity) ?? [];
  const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'].indexOf(unit);
  const decimal = ['', 'k', 'M', 'G', 'T', 'P'].indexOf(unit);
  return Number(number) * (binary >= 0 ? 1024 ** binary : 1000 ** Math.max(decimal, 0));
}

/** The smallest number of MiB that holds so many bytes. */
export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / (1 << 20))}Mi`;
