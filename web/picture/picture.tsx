import { signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { LivePicture } from '../../server/api.ts';
import { Button } from '../parts/button.tsx';
import { onTraffic, traffic, trafficDropped } from '../state/learner.ts';
import { lesson } from '../state/lessons.ts';
import { pictureOpen } from '../state/preferences.ts';
import { Explanation, explain } from './explanation.tsx';
import { boxOf, centreOf, height, type Point, wayOf } from './geometry.ts';
import { hostsOf, nameOf, triesAt } from './journey.ts';
import { Requests } from './requests.tsx';
import { Stage } from './stage.ts';
import { Traces } from './traces.tsx';

const mostHosts = 3;
const panel = 'live-picture';
/** Which picture was chosen, where a lesson has two. */
const chosen = signal<LivePicture>('traces');

/** The live picture: requests as the proxy reported them, as dots on their way and as a list; in some lessons traces too. */
export function Picture() {
  const open = pictureOpen.value;
  const both = lesson.value?.picture === 'traces';
  const shown = both ? chosen.value : 'requests';
  const toggle = () => {
    pictureOpen.value = !open;
  };
  return (
    <section
      class={`picture-pane ${open ? '' : 'closed'} ${shown === 'traces' ? 'with-traces' : ''}`}
      aria-label={both ? 'Live picture of your requests and traces' : 'Live picture of your requests'}
    >
      <header class="row nowrap picture-head">
        <Button
          label={open ? 'Close the live picture' : 'Open the live picture'}
          icon={open ? 'down' : 'right'}
          bare
          kind="quiet"
          expanded={open}
          onClick={toggle}
        />
        {both ? <PictureTabs shown={shown} /> : <h2 class="small">Requests through your proxy</h2>}
        <span class="grow" />
        {open && shown === 'requests' && traffic.value.length > 0 ? (
          <Button
            label="clear"
            kind="quiet"
            onClick={() => {
              traffic.value = [];
              trafficDropped.value = 0;
            }}
          />
        ) : null}
      </header>
      {open ? (
        <div
          class="picture-body"
          {...(both ? { id: panel, role: 'tabpanel', 'aria-labelledby': `${panel}-${shown}` } : {})}
        >
          {shown === 'traces' ? (
            <Traces />
          ) : (
            <>
              <Diagram />
              <Requests />
            </>
          )}
        </div>
      ) : null}
      <Explanation />
    </section>
  );
}

const pictures: [LivePicture, string][] = [
  ['requests', 'Requests'],
  ['traces', 'Traces'],
];

function PictureTabs({ shown }: { shown: LivePicture }) {
  const list = useRef<HTMLDivElement>(null);
  const show = (one: LivePicture) => {
    chosen.value = one;
    pictureOpen.value = true;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    event.preventDefault();
    show(shown === 'traces' ? 'requests' : 'traces');
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>('[aria-selected="true"]')?.focus());
  };
  return (
    <div ref={list} class="tabs picture-tabs" role="tablist" aria-label="Live picture" onKeyDown={onKeyDown}>
      {pictures.map(([one, label]) => (
        <button
          key={one}
          type="button"
          role="tab"
          id={`${panel}-${one}`}
          class="tab"
          aria-selected={one === shown}
          aria-controls={one === shown && pictureOpen.value ? panel : undefined}
          tabIndex={one === shown ? 0 : -1}
          onClick={() => show(one)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

function Diagram() {
  const layer = useRef<SVGGElement>(null);
  const frame = useRef<SVGSVGElement>(null);
  const width = useSignal(720);
  const hosts = hostsOf(traffic.value, mostHosts);
  const shown = hosts.length === 0 ? [''] : hosts;
  const places = useSignal(shown);
  places.value = shown;
  useEffect(() => {
    if (frame.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      width.value = Math.max(360, Math.round(entry?.contentRect.width ?? 0));
    });
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (layer.current === null) return;
    const stage = new Stage(layer.current, leg => wayOf(leg, places.peek(), width.peek()), explain);
    const stop = onTraffic(requests => stage.play(requests));
    return () => {
      stop();
      stage.clear();
    };
  }, []);
  const client = centreOf('client', '', shown, width.value);
  const proxy = centreOf('proxy', '', shown, width.value);
  const tries = triesAt(shown, traffic.value);
  const all = tries.reduce((sum, one) => sum + one, 0);
  const upstream = (host: string) => centreOf('upstream', host, shown, width.value);
  return (
    <svg ref={frame} class="diagram" viewBox={`0 0 ${width.value} ${height}`} aria-hidden="true">
      <line x1={client.x} y1={client.y} x2={proxy.x} y2={proxy.y} />
      {shown.map(host => {
        const at = upstream(host);
        return <line key={`line-${host}`} x1={proxy.x} y1={proxy.y} x2={at.x} y2={at.y} />;
      })}
      <Place at={client} name="client" />
      <Place at={proxy} name="proxy" main />
      {shown.map((host, index) => (
        <Place
          key={host}
          at={upstream(host)}
          name={nameOf(host, shown, traffic.value)}
          of={shown.length}
          tries={tries[index] ?? 0}
          share={(tries[index] ?? 0) / Math.max(1, all)}
        />
      ))}
      <g ref={layer} />
    </svg>
  );
}

interface PlaceProps {
  at: Point;
  name: string;
  /** How many places share the height. */
  of?: number;
  /** Where several share it: how many tries came here, */
  tries?: number;
  /** and how much of all that is, from 0 to 1. */
  share?: number;
  main?: boolean;
}

function Place({ at, name, of = 1, tries = 0, share = 0, main = false }: PlaceProps) {
  const box = boxOf(of);
  const [left, top] = [at.x - box.width / 2, at.y - box.height / 2];
  return (
    <g class={main ? 'place main' : 'place'}>
      <rect x={left} y={top} width={box.width} height={box.height} rx="6" />
      {of > 1 ? (
        <>
          <rect class="share" x={left} y={top} width={box.width * share} height={box.height} rx="6" />
          <text class="tries" x={left - 8} y={at.y}>
            {tries}
          </text>
        </>
      ) : null}
      <text x={at.x} y={at.y}>
        {name.length > 14 ? `${name.slice(0, 13)}…` : name}
      </text>
    </g>
  );
}
