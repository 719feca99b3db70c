import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

const resolutionMs = 50;

/** Memory, CPU and event loop of this process, under the names that dashboards for Node know. Answers how to stop measuring. */
export function addProcessMetrics(metrics: Metrics): () => void {
  metrics.read('process_resident_memory_bytes', 'Memory of the server in use.', () => process.memoryUsage.rss());
  metrics.read('nodejs_heap_size_used_bytes', 'Heap of the server in use.', () => process.memoryUsage().heapUsed);
  metrics.read('process_cpu_seconds_total', 'CPU time of the server.', cpuSeconds, 'counter');
  const startedAt = Math.round(Date.now() / 1000 - process.uptime());
  metrics.read('process_start_time_seconds', 'When the server was started, since the epoch.', () => startedAt);
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  // What is measured is from tick to tick, so the tick itself is taken off.
  const lag = (nanoseconds: number) => Math.max(0, (nanoseconds || 0) / 1e9 - resolutionMs / 1000);
  metrics.read(
    'nodejs_eventloop_lag_p50_seconds',
    'How late timers come, the middle of all since the last time asked.',
    () => lag(delay.percentile(50)),
  );
  metrics.read(
    'nodejs_eventloop_lag_max_seconds',
    'How late timers come, the latest since the last time asked.',
    () => {
      const latest = lag(delay.max);
      delay.reset();
      return latest;
    },
  );
  return () => void delay.disable();
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
