import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icon.tsx';

export interface ButtonProps {
  label: string;
  icon?: IconName;
  /** Shows the picture alone; the label is read out and shown on hover. */
  bare?: boolean;
  kind?: 'main' | 'quiet' | 'danger' | 'quiet danger' | 'large main';
  disabled?: boolean;
  pressed?: boolean;
  expanded?: boolean;
  title?: string;
  type?: 'button' | 'submit';
  onClick?: () => void;
  children?: ComponentChildren;
}

/** A button. One that is disabled can still be reached, so that its title tells why. */
export function Button(props: ButtonProps) {
  const { label, icon, bare = false, kind = '', disabled = false } = props;
  return (
    <button
      type={props.type ?? 'button'}
      class={`button ${kind} ${bare ? 'bare' : ''}`}
      aria-label={bare ? label : undefined}
      title={props.title ?? (bare ? label : undefined)}
      aria-disabled={disabled ? 'true' : undefined}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      onClick={event => (disabled ? event.preventDefault() : props.onClick?.())}
    >
      {icon === undefined ? null : <Icon name={icon} />}
      {bare ? null : label}
      {props.children}
    </button>
  );
}
