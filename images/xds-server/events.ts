/** What happens at the control plane, and how it says so to people. */
import type { Kind } from './kinds.ts';

export type XdsEvent =
  | { type: 'connected'; node: string; kind: Kind | undefined; delta: boolean }
  | { type: 'left'; node: string }
  | { type: 'asked'; node: string; kind: Kind; names: string[]; all: boolean }
  | { type: 'sent'; node: string; kind: Kind; version: number; names: string[]; removed: string[] }
  | { type: 'accepted'; node: string; kind: Kind; version: string }
  | { type: 'refused'; node: string; kind: Kind; version: string; accepted: string; reason: string }
  | { type: 'changed'; kind: Kind; version: number; names: string[] }
  | { type: 'unreadable'; kind: Kind; version: number; reason: string };

/** How a line is meant. */
export type Tone = 'plain' | 'good' | 'bad' | 'faint';

/** One event in words; a reason stands on a line of its own. */
export function wordsOf(event: XdsEvent): { text: string; tone: Tone } {
  switch (event.type) {
    case 'connected': {
      const what = event.kind === undefined ? 'all kinds in one stream (ADS)' : `a stream for ${event.kind.name}`;
      return { text: `${event.node} connected: ${what}${event.delta ? ', changes only (delta)' : ''}`, tone: 'plain' };
    }
    case 'left':
      return { text: `${event.node} is gone`, tone: 'plain' };
    case 'asked':
      return {
        text: `${event.node} ${event.kind.name} asks for ${event.all ? 'all' : listed(event.names)}`,
        tone: 'faint',
      };
    case 'sent': {
      const removed = event.removed.length > 0 ? `, without ${listed(event.removed)}` : '';
      const what = event.names.length > 0 ? `: ${listed(event.names)}` : '';
      return { text: `${event.node} ${event.kind.name} version ${event.version} sent${what}${removed}`, tone: 'faint' };
    }
    case 'accepted':
      return { text: `${event.node} ${event.kind.name} version ${event.version} ACK`, tone: 'good' };
    case 'refused': {
      const stays = event.accepted === '' ? 'It has none yet' : `It stays with version ${event.accepted}`;
      const text = `${event.node} ${event.kind.name} version ${event.version} NACK. ${stays}. Its reason:`;
      return { text: `${text}\n  ${event.reason}`, tone: 'bad' };
    }
    case 'changed':
      return {
        text: `${event.kind.file}: ${event.kind.name} version ${event.version} is ${listed(event.names)}`,
        tone: 'plain',
      };
    case 'unreadable': {
      const stays = event.version === 0 ? 'there is none' : `version ${event.version} stays`;
      return { text: `${event.kind.name} is not sent, ${stays}:\n  ${event.reason}`, tone: 'bad' };
    }
  }
}

const listed = (names: string[]): string => (names.length === 0 ? 'empty' : names.map(printable).join(', '));

/** Nothing that a terminal would act on; others choose their names and reasons. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, ' ');
