import { Button } from '../parts/button.tsx';
import { welcomed } from '../state/preferences.ts';

/** What somebody who is here for the first time should know; then never again. */
export function Welcome() {
  if (welcomed.value) return null;
  return (
    <aside class="welcome" aria-label="How this page works">
      <p>
        <b>Read here, do there.</b> The terminals on the right are a machine of your own. <b>run</b> types a command for
        you; typing it yourself works as well.
      </p>
      <p>
        Checks look at what really happens and turn green by themselves. All of it is kept on the server: close the page
        whenever you like.
      </p>
      <Button
        label="Got it"
        onClick={() => {
          welcomed.value = true;
        }}
      />
    </aside>
  );
}
