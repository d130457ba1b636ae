/** Recordings of a rule: programs are scored by how near their updates come, and nothing is trained. */
import { analyse } from "../analysis/analyse.ts";
import { compile, type Workbench } from "../machine/compile.ts";
import type { Pack } from "./evaluator.ts";
import { type Genome, parseGenome } from "../programs/genome.ts";
import { Machine } from "../machine/machine.ts";
import { aligned, placeSegments, vectorBytes } from "../machine/pack.ts";
import { log, Random } from "../programs/random.ts";
import type { Space } from "../programs/space.ts";
import { scheduleOf, type TraceTask } from "./task.ts";

/** No error counts as smaller than this share of the updates. */
const FLOOR = 1e-6;
const DRAWS = 5;

/** The recordings of all seeds side by side. */
export class TracePack implements Pack {
  readonly bench: Workbench;
  readonly steps: number;
  readonly problems: Pack["problems"];
  readonly before = [];
  readonly #machine: Machine;
  readonly #size: number;
  readonly #elements: number;
  readonly #recorded: Float32Array;
  readonly #isScaleFree: boolean;
  /** Of each element so far: its squares, its products with the recorded, and the recorded's squares. */
  readonly #own: Float64Array;
  readonly #both: Float64Array;
  readonly #theirs: Float64Array;

  constructor(machine: Machine, space: Space, task: TraceTask) {
    const { name, rule, size, steps, seeds, scale = "exact" } = task;
    this.#isScaleFree = scale === "free";
    [this.#machine, this.steps] = [machine, steps];
    this.problems = seeds.map((seed) => ({ task: name, seed }));
    this.#size = aligned(size);
    this.#elements = aligned(this.#size * seeds.length, 16);
    [this.#own, this.#both, this.#theirs] = [0, 1, 2].map(() => new Float64Array(this.#elements));
    const bytes = vectorBytes(this.#elements);
    const [w, g, out] = [0, 1, 2].map(() => machine.take(bytes * steps));
    machine.floats.fill(0, w / 4, (out + bytes * steps) / 4);
    seeds.forEach((seed, k) => {
      const random = new Random(seed, DRAWS, 0);
      const drift = Array.from({ length: this.#size }, () => random.normal());
      const weight = Array.from({ length: this.#size }, () => random.normal());
      for (let step = 0; step < steps; step++) {
        for (let i = 0; i < this.#size; i++) {
          const at = step * this.#elements + k * this.#size + i;
          // Gradients that go on for a while, of different sizes, under noise with tails.
          drift[i] = 0.9 * drift[i] + 0.4 * random.normal();
          weight[i] += 0.1 * random.normal();
          machine.floats[w / 4 + at] = weight[i];
          machine.floats[g / 4 + at] = (0.1 + i % 4) * (drift[i] + 0.3 * random.student(3));
        }
      }
    });
    this.bench = {
      machine,
      bytes,
      w: { address: w, step: bytes },
      g: { address: g, step: bytes },
      lr: scheduleOf(steps).map((lr) => 0.1 + lr),
      out: { address: out, step: bytes },
      ...placeSegments(machine, seeds.map((_, k) => ({ at: k * this.#size, length: size }))),
    };
    const top = machine.top;
    const { instructions, states } = compile(
      space,
      analyse(space, parseGenome(space, rule)),
      this.bench,
    );
    for (const state of states) machine.floats.fill(0, state / 4, (state + bytes) / 4);
    machine.run(machine.assemble(instructions), 0, steps);
    this.#recorded = machine.floats.slice(out / 4, (out + bytes * steps) / 4);
    // What only fills a recording up is not compared.
    for (let i = 0; i < this.#recorded.length; i++) {
      if (i % this.#elements % this.#size >= size) this.#recorded[i] = 0;
    }
    machine.top = top;
  }

  begin(): void {
    this.#own.fill(0);
    this.#both.fill(0);
    this.#theirs.fill(0);
  }

  advance(
    program: { readonly code: number; readonly end: number },
    from: number,
    to: number,
  ): void {
    this.#machine.run(program, from, to);
    const out = this.bench.out!.address / 4;
    const { floats } = this.#machine;
    for (let step = from; step < to; step++) {
      for (let e = 0, i = step * this.#elements; e < this.#elements; e++, i++) {
        const [own, recorded] = [floats[out + i], this.#recorded[i]];
        this.#own[e] += own * own;
        this.#both[e] += own * recorded;
        this.#theirs[e] += recorded * recorded;
      }
    }
  }

  /**
   * The logarithm of updates over errors, both as root mean squares and each element's updates as large as
   * any other's; 0 is what no update at all gives.
   */
  scores(): Float64Array {
    return Float64Array.from(this.problems, (_, k) => {
      let [own, both, count] = [0, 0, 0];
      for (let e = k * this.#size; e < (k + 1) * this.#size; e++) {
        if (this.#theirs[e] === 0) continue;
        own += this.#own[e] / this.#theirs[e];
        both += this.#both[e] / this.#theirs[e];
        count++;
      }
      const error = own === 0
        ? 1
        : this.#isScaleFree
        ? 1 - both * (both / own) / count
        : (own - 2 * both) / count + 1;
      return -0.5 * log(Math.max(0, error) + FLOOR * FLOOR);
    });
  }

  /** How the updates compare with the recorded ones. */
  resemblance(tolerance: number): Resemblance {
    let [own, both, count] = [0, 0, 0];
    for (let e = 0; e < this.#elements; e++) {
      if (this.#theirs[e] === 0) continue;
      own += this.#own[e] / this.#theirs[e];
      both += this.#both[e] / this.#theirs[e];
      count++;
    }
    const out = this.bench.out!.address / 4;
    const { floats } = this.#machine;
    let off = 0;
    for (let e = 0; e < this.#elements; e++) {
      const bound = tolerance * Math.sqrt(this.#theirs[e] / this.steps);
      for (let step = 0; step < this.steps && this.#theirs[e] > 0; step++) {
        const i = step * this.#elements + e;
        if (!(Math.abs(floats[out + i] - this.#recorded[i]) <= bound)) off++;
      }
    }
    return {
      error: Math.sqrt(Math.max(0, own - 2 * both + count) / count),
      factor: both / own,
      differing: off / (count * this.steps),
    };
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
  const machine = new Machine();
  const pack = new TracePack(machine, space, task);
  const { instructions, states } = compile(space, analyse(space, genome), pack.bench);
  const { bytes } = pack.bench;
  for (const state of states) machine.floats.fill(0, state / 4, (state + bytes) / 4);
  pack.begin();
  pack.advance(machine.assemble(instructions), 0, pack.steps);
  return pack.resemblance(tolerance);
}
