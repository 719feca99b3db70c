/** Earliest deadline first: chooses by weights that may be others at each choice. */

interface Entry<T> {
  deadline: number;
  /** Of two that are due at once, the one that was put in first. */
  order: number;
  item: T;
}

export class EdfScheduler<T> {
  readonly #heap: Entry<T>[] = [];
  #now = 0;
  #added = 0;

  /** @param weight more than 0 */
  add(item: T, weight: number): void {
    const entry = { deadline: this.#now + 1 / weight, order: this.#added++, item };
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

  /** Takes the one that is due, and puts it in again with the weight that it has now. */
  next(weightOf: (item: T) => number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined) return undefined;
    this.#removeFirst();
    this.#now = first.deadline;
    this.add(first.item, weightOf(first.item));
    return first.item;
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
