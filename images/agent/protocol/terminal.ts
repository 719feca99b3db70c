/**
 * A terminal's messages: one binary WebSocket message between page and server, or one body on an agent's stream. The server forwards
 * them unparsed, but for the type byte.
 *
 *     output    | 0 | offset f64be | bytes |   agent → viewer; offset: how many bytes of output came before these
 *     input     | 1 | bytes |                  viewer → agent
 *     resize    | 2 | columns u16be | rows u16be |   both ways: a viewer asks, the agent tells every viewer the size that holds
 *     ack       | 3 | offset f64be |           viewer → agent: all output before this offset is on the screen
 *     snapshot  | 4 | offset f64be | columns u16be | rows u16be | bytes |  agent → viewer: bytes that draw the screen and scroll-back as of offset
 *     prompt    | 5 | state u8 |               agent → viewer: 1 the shell waits at its prompt, 0 it does not
 *     exit      | 6 | status i32be |           agent → viewer: the shell ended; the terminal stays readable
 */
export const terminalMessage = { output: 0, input: 1, resize: 2, ack: 3, snapshot: 4, prompt: 5, exit: 6 } as const;

/** What a viewer may send; the server drops all else. */
export const fromViewer: ReadonlySet<number> = new Set([
  terminalMessage.input,
  terminalMessage.resize,
  terminalMessage.ack,
]);

/** The agent pauses the pty while the slowest viewer has not acknowledged this many bytes … */
export const highWater = 512 * 1024;
/** … and resumes at this many. A viewer that stays behind is cut off from the others' pace and gets a snapshot when it is back. */
export const lowWater = 128 * 1024;
