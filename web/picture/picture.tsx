import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from '../parts/button.tsx';
import { onTraffic, traffic, trafficDropped } from '../state/learner.ts';
import { pictureOpen } from '../state/preferences.ts';
import { boxOf, centreOf, height, type Point, wayOf } from './geometry.ts';
import { hostsOf, nameOf, triesAt } from './journey.ts';
import { Requests } from './requests.tsx';
import { Stage } from './stage.ts';

const mostHosts = 3;

/** The live picture: requests as the proxy reported them, as dots on their way and as a list. */
export function Picture() {
  const open = pictureOpen.value;
  const toggle = () => {
    pictureOpen.value = !open;
  };
  return (
    <section class={open ? 'picture-pane' : 'picture-pane closed'} aria-label="Live picture of your requests">
      <header class="row nowrap picture-head">
        <Button
          label={open ? 'Close the live picture' : 'Open the live picture'}
          icon={open ? 'down' : 'right'}
          bare
          kind="quiet"
          expanded={open}
          onClick={toggle}
        />
        <h2 class="small">Requests through your proxy</h2>
        <span class="grow" />
        {open && traffic.value.length > 0 ? (
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
        <div class="picture-body">
          <Diagram />
          <Requests />
        </div>
      ) : null}
    </section>
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
    const stage = new Stage(layer.current, leg => wayOf(leg, places.peek(), width.peek()));
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
