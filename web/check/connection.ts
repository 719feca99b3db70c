const patienceMs = 10_000;

/** Whether a WebSocket gets to the server, and a message of the server's back. */
export function canConnect(): Promise<boolean> {
  return new Promise(resolve => {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/api/check`);
    const settle = (works: boolean) => {
      clearTimeout(timer);
      socket.close();
      resolve(works);
    };
    const timer = setTimeout(() => settle(false), patienceMs);
    socket.onmessage = () => settle(true);
    socket.onerror = () => settle(false);
    socket.onclose = () => settle(false);
  });
}
