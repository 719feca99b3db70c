/** The `date` header, made once a second. */
let second = -1;
let text = '';

export function httpDate(epochMs: number): string {
  const now = Math.floor(epochMs / 1000);
  if (now !== second) {
    second = now;
    text = new Date(epochMs).toUTCString();
  }
  return text;
}
