import { signal } from '@preact/signals';

/** Whether the slides go where the instructor's go. */
export const following = signal(false);
