import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from '../parts/button.tsx';
import { onTraffic, traffic, trafficDropped } from '../state/learner.ts';
import { pictureOpen } from '../state/preferences.ts';
import { boxOf, centreOf, height, type Point, wayOf } from './geometry.ts';
import { hostsOf } from './journey.ts';
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
      {shown.map(host => (
        <Place key={host} at={upstream(host)} name={nameOf(host)} of={shown.length} />
      ))}
      <g ref={layer} />
    </svg>
  );
}

/** The cluster's name, and the address where several hosts are drawn. */
function nameOf(host: string): string {
  const request = traffic.value.find(one => one.attempts.some(attempt => attempt.host === host));
  return request?.cluster || host || 'httpbin';
}

interface PlaceProps {
  at: Point;
  name: string;
  /** How many places share the height. */
  of?: number;
  main?: boolean;
}

function Place({ at, name, of = 1, main = false }: PlaceProps) {
  const box = boxOf(of);
  return (
    <g class={main ? 'place main' : 'place'}>
      <rect x={at.x - box.width / 2} y={at.y - box.height / 2} width={box.width} height={box.height} rx="6" />
      <text x={at.x} y={at.y}>
        {name.length > 14 ? `${name.slice(0, 13)}…` : name}
      </text>
    </g>
  );
}
