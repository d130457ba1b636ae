/** Recordings of a rule: programs are scored by how near their updates come, and nothing is trained. */
import { ANY, type Kinds, needed, oneOf, TEXT, whole } from "../../dsl/options.ts";
import { analyse } from "../analysis/structure.ts";
import { Machine } from "../machine/machine.ts";
import { Pack } from "../machine/pack.ts";
import { updatesOf } from "../machine/replay.ts";
import { log } from "../programs/exact_math.ts";
import { type Genome, parseGenome } from "../programs/genome.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { Space } from "../programs/space.ts";
import { BASE, refuse, scheduleOf, type TaskBase } from "./common.ts";

/** No error counts as smaller than this share of the updates. */
const FLOOR = 1e-6;

/** A recording of what another program updates: the nearer a program comes, the better its score. */
export interface TraceTask extends TaskBase {
  /** Marks a recording. */
  readonly kind: "trace";
  /** The text of the genome that is to be recovered. */
  readonly rule: string;
  /** Elements of each recording. */
  readonly size: number;
  /** The share of gradients that are 0, which tells rules apart that differ there only. Default 0. */
  readonly sparsity?: number;
  /** With `"free"`, updates are compared but for a factor: the one that fits best. Default `"exact"`. */
  readonly scale?: "exact" | "free";
}

/** What a recording must be. */
export const TRACE: Kinds<TraceTask> = {
  ...BASE,
  kind: ANY,
  rule: needed(TEXT),
  size: needed(whole(1, 1e6)),
  sparsity: {
    is: (value) => value as number >= 0 && value as number <= 1,
    must: "from 0 to 1",
  },
  scale: oneOf("exact", "free"),
  rates: {
    is: (value) => value === 1,
    must: "left out: it is of tasks that are trained, not of recordings",
  },
};

/** The recordings of all seeds side by side, and how the updates of a program compare with them. */
export class Recording {
  readonly pack: Pack;
  /** The updates of the rule, a vector a step. */
  readonly recorded: Float32Array;
  /** Whether updates are compared but for a factor. */
  readonly isScaleFree: boolean;
  /** Of each element so far: its squares, its products with the recorded, and the recorded's squares. */
  readonly #own: Float64Array;
  readonly #both: Float64Array;
  readonly #theirs: Float64Array;
  #compared = 0;

  constructor(machine: Machine, space: Space, task: TraceTask) {
    const { rule, size, steps, seeds, scale = "exact", sparsity = 0 } = task;
    this.isScaleFree = scale === "free";
    const lr = scheduleOf(steps).map((lr) => 0.1 + lr);
    const options = { lr, lengths: seeds.map(() => size), isReplay: true };
    const pack = this.pack = new Pack(machine, options, () => ({
      start: () => {
        for (const sums of [this.#own, this.#both, this.#theirs]) sums.fill(0);
        this.#compared = 0;
      },
      scores: (steps) => this.#scores(steps),
    }));
    const elements = pack.bytes / 4;
    [this.#own, this.#both, this.#theirs] = [0, 1, 2].map(() => new Float64Array(elements));
    seeds.forEach((seed, k) => draw(pack, seed, k, sparsity));
    this.recorded = new Float32Array(elements * steps);
    const recorded = updatesOf(space, analyse(space, parseGenome(space, rule)), pack);
    // What only fills a tensor up is not compared.
    for (const { at, length } of pack.tensors) {
      for (let i = at; i < recorded.length; i += elements) {
        this.recorded.set(recorded.subarray(i, i + length), i);
      }
    }
    // With others no program could be told from another.
    const off = this.recorded.findIndex((update) => !Number.isFinite(update));
    const must = "the updates of its rule must be finite, and not all 0";
    if (off >= 0) {
      refuse(task, must, `${this.recorded[off]} at step ${Math.floor(off / elements) + 1}`);
    }
    if (this.recorded.every((update) => update === 0)) refuse(task, must, "0 at every step");
  }

  /** Goes on to compare up to a step. */
  #compare(steps: number): void {
    const out = this.pack.out!.address / 4;
    const { floats } = this.pack.machine;
    const elements = this.#own.length;
    for (; this.#compared < steps; this.#compared++) {
      for (let e = 0, i = this.#compared * elements; e < elements; e++, i++) {
        const [own, recorded] = [floats[out + i], this.recorded[i]];
        this.#own[e] += own * own;
        this.#both[e] += own * recorded;
        this.#theirs[e] += recorded * recorded;
      }
    }
  }

  /** Sums over a tensor's elements, the updates of each as large as any other's. */
  #sums({ at, length }: Pack["tensors"][number]): { own: number; both: number; count: number } {
    const sums = { own: 0, both: 0, count: 0 };
    for (let e = at; e < at + length; e++) {
      if (this.#theirs[e] === 0) continue;
      sums.own += this.#own[e] / this.#theirs[e];
      sums.both += this.#both[e] / this.#theirs[e];
      sums.count++;
    }
    return sums;
  }

  /** The logarithm of updates over errors, both as root mean squares; 0 is what no update at all gives. */
  #scores(steps: number): Float64Array {
    this.#compare(steps);
    return Float64Array.from(this.pack.tensors, (tensor) => {
      const { own, both, count } = this.#sums(tensor);
      const error = own === 0
        ? 1
        : this.isScaleFree
        ? 1 - both * (both / own) / count
        : (own - 2 * both) / count + 1;
      return -0.5 * log(Math.max(0, error) + FLOOR * FLOOR);
    });
  }

  /** How the updates of a program compare with the recorded ones. */
  resemblance(updates: Float32Array, tolerance: number): Resemblance {
    const { steps } = this.pack;
    this.#compare(steps);
    const elements = this.#own.length;
    const { own, both, count } = this.#sums({ at: 0, length: elements });
    let off = 0;
    for (let i = 0; i < updates.length; i++) {
      const squares = this.#theirs[i % elements];
      const bound = tolerance * Math.sqrt(squares / steps);
      if (squares > 0 && !(Math.abs(updates[i] - this.recorded[i]) <= bound)) off++;
    }
    return {
      error: Math.sqrt(Math.max(0, own - 2 * both + count) / count),
      factor: both / own,
      differing: off / (count * steps),
    };
  }
}

/** Gradients that go on for a while, of different sizes, under noise with tails. */
function draw(pack: Pack, seed: number, tensor: number, sparsity: number): void {
  const random = new Random(seed, DRAWS.recording, 0);
  const absent = new Random(seed, DRAWS.recording, 1);
  // Numbers are drawn for whole vectors of the machine.
  const padded = Math.ceil(pack.tensors[tensor].length / 4) * 4;
  const drift = Array.from({ length: padded }, () => random.normal());
  const weight = Array.from({ length: padded }, () => random.normal());
  for (let step = 0; step < pack.steps; step++) {
    const [w, g] = [pack.w, pack.g].map((place) => pack.tensorsAt(place, step)[tensor]);
    for (let i = 0; i < padded; i++) {
      drift[i] = 0.9 * drift[i] + 0.4 * random.normal();
      weight[i] += 0.1 * random.normal();
      w[i] = weight[i];
      g[i] = (0.1 + i % 4) * (drift[i] + 0.3 * random.student(3));
      if (sparsity > 0 && absent.uniform() < sparsity) g[i] = 0;
    }
  }
}

/** How the updates of a program compare with recorded ones, each element's being as large as any other's. */
export interface Resemblance {
  /** The root mean square of the differences over that of the recorded updates. */
  readonly error: number;
  /** The factor by which updates come nearest to the recorded ones. */
  readonly factor: number;
  /** The share of updates that differ by more than the tolerance. */
  readonly differing: number;
}

/**
 * Compares a program with the rule of a recording. Updates differ if they are apart by more than `tolerance`
 * of the root mean square of what was recorded of the element; for rules whose updates are all of one size
 * that is the share of other signs.
 *
 * @example
 * ```ts
 * import { parseGenome, resemblance, space } from "@gradus/gradus/search";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 *
 * const task = { kind: "trace", name: "sign", rule: "update = sign(g)", size: 4, steps: 9, seeds: [1] } as const;
 * const twice = resemblance(space(), task, parseGenome(space(), "x = sign(g)\nupdate = mul(x, 2)"));
 * assertEquals(twice.differing, 1);
 * assertAlmostEquals(twice.factor, 0.5);
 * ```
 */
export function resemblance(
  space: Space,
  task: TraceTask,
  genome: Genome,
  tolerance: number = 0.02,
): Resemblance {
  const recording = new Recording(new Machine(), space, task);
  const updates = updatesOf(space, analyse(space, genome), recording.pack);
  return recording.resemblance(updates, tolerance);
}
