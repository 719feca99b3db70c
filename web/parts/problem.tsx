import type { RequestFailure } from '../api/request.ts';
import { Button } from './button.tsx';
import { Icon } from './icon.tsx';

interface ProblemProps {
  what: string;
  remedy?: string | undefined;
  /** The button that does what is to do. */
  action?: { label: string; run: () => void };
}

/** What went wrong, what to do about it, and a button that does it. */
export function Problem({ what, remedy, action }: ProblemProps) {
  return (
    <div class="problem" role="alert">
      <p class="what">
        <Icon name="alert" />
        <span>{what}</span>
      </p>
      {remedy === undefined ? null : <p>{remedy}</p>}
      {action === undefined ? null : (
        <div class="row">
          <Button label={action.label} onClick={action.run} />
        </div>
      )}
    </div>
  );
}

/** The same for a request that failed. */
export function FailureProblem({ failure, retry }: { failure: RequestFailure; retry: () => void }) {
  return <Problem what={failure.message} remedy={failure.remedy} action={{ label: 'Try again', run: retry }} />;
}
