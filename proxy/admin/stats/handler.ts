/** /stats and /stats/prometheus. */
import type { StatsStore } from '../../stats/store.ts';
import { type AdminReply, html, text } from '../reply.ts';
import { statsAsJson } from './json.ts';
import { statsAsPage } from './page.ts';
import { statsAsPrometheus } from './prometheus.ts';
import { readStatsQuery } from './query.ts';
import { selectStats } from './select.ts';
import { statsAsText } from './text.ts';

/** Answers with the stats in the form that was asked for. */
export function handleStats(store: StatsStore, parameters: URLSearchParams, isPrometheusPath = false): AdminReply {
  const query = readStatsQuery(parameters, isPrometheusPath);
  if ('status' in query) return query;
  const selection = selectStats(store, query);
  switch (query.format) {
    case 'json':
      return { status: 200, contentType: 'application/json', body: statsAsJson(selection, query.buckets) };
    case 'prometheus':
      return text(statsAsPrometheus(selection, query.buckets, query.textReadouts));
    case 'html':
    case 'active-html':
      return html(statsAsPage(statsAsText(selection, query.buckets)));
    default:
      return text(statsAsText(selection, query.buckets));
  }
}
