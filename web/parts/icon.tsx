const paths = {
  check: 'M3 8.5 6.5 12 13 4.5',
  ring: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11z',
  dot: 'M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z',
  cross: 'M4 4l8 8M12 4l-8 8',
  alert: 'M8 2 14.5 13.5h-13zM8 6.5v3M8 11.5v.1',
  play: 'M5 3.5v9l7-4.5z',
  copy: 'M6 6h7v7H6zM10 6V3H3v7h3',
  left: 'M10 3 5 8l5 5',
  right: 'M6 3l5 5-5 5',
  down: 'M3 6l5 5 5-5',
  plus: 'M8 3v10M3 8h10',
  split: 'M2.5 3h11v10h-11zM2.5 8h11',
  join: 'M2.5 3h11v10h-11z',
  swap: 'M5 2v12M5 14l-2.5-2.5M5 14l2.5-2.5M11 14V2M11 2 8.5 4.5M11 2l2.5 2.5',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.5 10.5l3 3',
  list: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  slides: 'M2 3h12v8H2zM8 11v3M5 14h6',
  help: 'M6 6a2 2 0 1 1 2.6 1.9c-.4.2-.6.5-.6 1.1M8 11.5v.1M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z',
  system: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 2v12M10.5 3v10M12.5 5v6',
  smaller: 'M1.5 12.5 5 3.5l3.5 9M2.6 9.5h4.8M10.5 8h4',
  larger: 'M1.5 12.5 5 3.5l3.5 9M2.6 9.5h4.8M10.5 8h4M12.5 6v4',
  again: 'M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3',
  undo: 'M3 6h6.5a3.5 3.5 0 0 1 0 7H6M3 6l3-3M3 6l3 3',
  bulb: 'M6 11.5h4M6.5 13.5h3M8 2a4 4 0 0 0-2.2 7.3l.2 2.2h4l.2-2.2A4 4 0 0 0 8 2z',
  forward: 'M3 4l5 4-5 4zM9 4l5 4-5 4z',
  eye: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 6.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z',
  clock: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.5V8l2.5 1.5',
  message: 'M2 3h12v8H7l-3 2.5V11H2z',
  save: 'M3 3h8l2 2v8H3zM5.5 3v3h4V3M5 13V9.5h6V13',
  person: 'M8 2.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM3 13.5c.3-3 2.2-4.5 5-4.5s4.7 1.5 5 4.5',
} as const;
export type IconName = keyof typeof paths;

/** A picture of the one set, 16 px. Decoration: the label stands beside it or on its button. */
export function Icon({ name, solid = false }: { name: IconName; solid?: boolean }) {
  return (
    <svg class={solid ? 'icon solid' : 'icon'} viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} fill={solid ? 'currentcolor' : 'none'} pathLength={1} />
    </svg>
  );
}
