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

  /** Fills the network, by shortest ways; tells what still reaches the sink. */
  cut(): (at: number) => boolean {
    for (;;) {
      // From the sink back: pipe i leads to where pipe i ^ 1 comes from.
      const reached = new Map<number, number>([[SINK, -1]]);
      for (const at of reached.keys()) {
        for (const pipe of this.#ways[at]) {
          const from = this.#to[pipe];
          if (this.#left[pipe ^ 1] > 0 && !reached.has(from)) reached.set(from, pipe ^ 1);
        }
        if (reached.has(SOURCE)) break;
      }
      if (!reached.has(SOURCE)) return (at) => reached.has(at);
      const way: number[] = [];
      for (let at = SOURCE; at !== SINK; at = this.#to[way.at(-1)!]) way.push(reached.get(at)!);
      const most = Math.min(...way.map((pipe) => this.#left[pipe]));
      for (const pipe of way) {
        this.#left[pipe] -= most;
        this.#left[pipe ^ 1] += most;
      }
    }
  }
}
