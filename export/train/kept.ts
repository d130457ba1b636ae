/** What of a forward pass is kept for the walk back: the fewest bytes of which all that is needed can be made again. */

/** A value that is needed in the walk back, or of which one is made that is. */
export interface Candidate {
  readonly bytes: number;
  /** The candidates that it is made of; undefined if it cannot be made again. */
  readonly from: readonly string[] | undefined;
}

/**
 * The names of values to be made again; all others that are needed are kept. It is the least cut between what there is
 * in the forward pass and what is needed, where to keep a value costs its bytes; of cuts that cost the same, that
 * which leaves the least to be made.
 */
export function madeAgain(
  candidates: ReadonlyMap<string, Candidate>,
  needed: Iterable<string>,
): ReadonlySet<string> {
  const flow = new Flow(2 + 2 * candidates.size);
  const places = new Map([...candidates.keys()].map((name, i) => [name, 2 + 2 * i]));
  for (const [name, { bytes, from }] of candidates) {
    const at = places.get(name)!;
    flow.join(at, at + 1, bytes);
    if (from === undefined) flow.join(SOURCE, at, Infinity);
    else for (const each of from) flow.join(places.get(each)! + 1, at, Infinity);
  }
  for (const name of needed) flow.join(places.get(name)! + 1, SINK, Infinity);
  const isBehind = flow.cut();
  return new Set([...places].flatMap(([name, at]) => isBehind(at) ? [name] : []));
}

const [SOURCE, SINK] = [0, 1];

/** A network of pipes, of which each is held with its way back. */
class Flow {
  readonly #ways: number[][];
  readonly #to: number[] = [];
  /** How much more goes through. */
  readonly #left: number[] = [];

  constructor(size: number) {
    this.#ways = Array.from({ length: size }, () => []);
  }

  join(from: number, to: number, capacity: number): void {
    for (const [at, other, left] of [[from, to, capacity], [to, from, 0]]) {
      this.#ways[at].push(this.#to.length);
      this.#to.push(other);
      this.#left.push(left);
    }
  }

  /** Fills the network, by shortest ways (Dinic 1970); tells what still reaches the sink. */
  cut(): (at: number) => boolean {
    for (;;) {
      const away = this.#distances();
      if (away[SOURCE] < 0) return (at) => away[at] >= 0;
      const tried = new Int32Array(away.length);
      const way: number[] = [];
      for (let at = SOURCE;;) {
        if (at === SINK) {
          this.#fill(way);
          way.length = 0;
          at = SOURCE;
        }
        const ways = this.#ways[at];
        const isOn = (pipe: number) =>
          this.#left[pipe] > 0 && away[this.#to[pipe]] === away[at] - 1;
        while (tried[at] < ways.length && !isOn(ways[tried[at]])) tried[at]++;
        if (tried[at] < ways.length) {
          way.push(ways[tried[at]]);
          at = this.#to[way.at(-1)!];
        } else {
          const last = way.pop();
          if (last === undefined) break;
          at = this.#to[last ^ 1];
          tried[at]++;
        }
      }
    }
  }

  /** How far each place is from the sink by pipes that are not full, -1 where there is no way. */
  #distances(): Int32Array {
    const away = new Int32Array(this.#ways.length).fill(-1);
    away[SINK] = 0;
    const met = [SINK];
    for (const at of met) {
      for (const pipe of this.#ways[at]) {
        const from = this.#to[pipe];
        // What leads here is the way back of what leads there.
        if (this.#left[pipe ^ 1] <= 0 || away[from] >= 0) continue;
        away[from] = away[at] + 1;
        met.push(from);
      }
    }
    return away;
  }

  #fill(way: readonly number[]): void {
    const most = Math.min(...way.map((pipe) => this.#left[pipe]));
    for (const pipe of way) {
      this.#left[pipe] -= most;
      this.#left[pipe ^ 1] += most;
    }
  }
}
