import { grpcStatus } from '../../proxy/grpc/status.ts';

const names = Object.keys(grpcStatus);

/** A status as Go writes it: NotFound. */
export function statusName(status: number): string {
  const name = names[status];
  if (name === undefined) return `Code(${status})`;
  if (name === 'OK') return name;
  if (name === 'CANCELLED') return 'Canceled';
  return name
    .toLowerCase()
    .split('_')
    .map(word => word[0]!.toUpperCase() + word.slice(1))
    .join('');
}
