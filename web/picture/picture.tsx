import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from '../parts/button.tsx';
import { onTraffic, traffic, trafficDropped } from '../state/learner.ts';
import { pictureOpen } from '../state/preferences.ts';
import { hostsOf, type Leg } from './journey.ts';
import { Requests } from './requests.tsx';
import { type Point, Stage } from './stage.ts';

const height = 68;
const mostHosts = 3;
const node = { width: 104, height: 28 };

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
    const stage = new Stage(layer.current, (place, host) => locate(place, host, places.peek(), width.peek()));
    const stop = onTraffic(requests => stage.play(requests));
    return () => {
      stop();
      stage.clear();
    };
  }, []);
  const client = locate('client', '', shown, width.value);
  const proxy = locate('proxy', '', shown, width.value);
  return (
    <svg ref={frame} class="diagram" viewBox={`0 0 ${width.value} ${height}`} aria-hidden="true">
      <line x1={client.x} y1={client.y} x2={proxy.x} y2={proxy.y} />
      {shown.map(host => {
        const at = locate('upstream', host, shown, width.value);
        return <line key={`line-${host}`} x1={proxy.x} y1={proxy.y} x2={at.x} y2={at.y} />;
      })}
      <Place at={client} name="client" />
      <Place at={proxy} name="proxy" main />
      {shown.map(host => (
        <Place key={host} at={locate('upstream', host, shown, width.value)} name={nameOf(host)} />
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

function locate(place: Leg['from'], host: string, hosts: string[], width: number): Point {
  if (place === 'client') return { x: node.width / 2 + 1, y: height / 2 };
  if (place === 'proxy') return { x: width / 2, y: height / 2 };
  const index = Math.max(0, hosts.indexOf(host));
  return { x: width - node.width / 2 - 1, y: (height * (index + 1)) / (hosts.length + 1) };
}

function Place({ at, name, main = false }: { at: Point; name: string; main?: boolean }) {
  return (
    <g class={main ? 'place main' : 'place'}>
      <rect x={at.x - node.width / 2} y={at.y - node.height / 2} width={node.width} height={node.height} rx="6" />
      <text x={at.x} y={at.y}>
        {name.length > 14 ? `${name.slice(0, 13)}…` : name}
      </text>
    </g>
  );
}
