import type { InstructorMessage } from '../../server/api.ts';
import { useNow } from '../parts/countdown.tsx';
import { ago, exactly } from '../parts/time.ts';

/** What the instructor said, newest first. */
export function Messages({ messages }: { messages: InstructorMessage[] }) {
  const now = useNow();
  return (
    <section class="messages">
      <h3>From your instructor</h3>
      <ul>
        {messages.toReversed().map(message => (
          <li key={message.id}>
            <p>{message.text}</p>
            <time
              class="small quiet-text"
              dateTime={new Date(message.atMs).toISOString()}
              title={exactly(message.atMs)}
            >
              {ago(message.atMs, now)}
            </time>
          </li>
        ))}
      </ul>
    </section>
  );
}
