/** Numbers of connections: no two of a process are alike, whichever worker has them. */

let place = { index: 0, count: 1 };

/** To be called before there are connections. */
export function numberAsWorker(index: number, count: number): void {
  place = { index, count };
}

class ConnectionIds {
  #used: number;

  constructor(first: number) {
    this.#used = first - 1;
  }

  next(): number {
    this.#used++;
    return this.#used * place.count + place.index;
  }
}

export const downstreamIds = new ConnectionIds(0);
export const upstreamIds = new ConnectionIds(1);
