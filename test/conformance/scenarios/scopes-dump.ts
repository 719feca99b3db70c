/** What the admin interface shows of scopes of routes. */
import { admin, type Step } from '../scenario.ts';

/** A step: their part of the dump, without times. @param query more of what is asked */
export function scopesDump(query = ''): Step {
  const step = admin(`/config_dump?${query}`, body => {
    const { configs = [] } = JSON.parse(body) as { configs?: Record<string, unknown>[] };
    const own = configs.filter(config => String(config['@type']).includes('ScopedRoutes'));
    return JSON.parse(JSON.stringify(own), (key, value) => (key === 'last_updated' ? 'then' : value));
  });
  return { ...step, name: `scopes in the dump ${query}` };
}
