/** What a service answers: no two requests have the same answer. In ASCII. */
export function answerOf(service: string, method: string, path: string, body: string): string {
  return `${service} ${method} ${path} ${body}\n`;
}
