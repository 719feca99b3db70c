/** Earliest deadline first: chooses by weights that may be others at each choice. */

interface Entry<T> {
  item: T;
  weight: number;
  /** From when on it has had this weight, and for how many choices. */
  since: number;
  times: number;
  deadline: number;
  /** Of two that are due at once, the one that was put in first. */
  order: number;
}

export class EdfScheduler<T> {
  readonly #heap: Entry<T>[] = [];
  #now = 0;
  #added = 0;

  /** With all of these, somewhere in their round: proxies that begin at the same time do not all begin with the same one. */
  static startedAnywhere<T>(items: readonly T[], weightOf: (item: T) => number): EdfScheduler<T> {
    const scheduler = new EdfScheduler<T>();
    for (const item of items) scheduler.add(item, weightOf(item));
    for (let skipped = Math.floor(Math.random() * items.length); skipped > 0; skipped--) scheduler.next(weightOf);
    return scheduler;
  }

  /** @param weight more than 0 */
  add(item: T, weight: number): void {
    this.#push({ item, weight, since: this.#now, times: 1, deadline: this.#now + 1 / weight, order: this.#added++ });
  }

  /** Takes the one that is due, and puts it in again with the weight that it has now. */
  next(weightOf: (item: T) => number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined) return undefined;
    this.#removeFirst();
    this.#now = first.deadline;
    const weight = weightOf(first.item);
    if (weight === first.weight) this.#pushAgain(first);
    else this.add(first.item, weight);
    return first.item;
  }

  /** Its deadline comes from all choices together: adding up would not let those that are due at once be so. */
  #pushAgain(entry: Entry<T>): void {
    entry.times++;
    entry.deadline = entry.since + entry.times / entry.weight;
    entry.order = this.#added++;
    this.#push(entry);
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap;
    heap.push(entry);
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore<T>(one: Entry<T>, other: Entry<T>): boolean {
  return one.deadline < other.deadline || (one.deadline === other.deadline && one.order < other.order);
}
