/** Recordings of a rule: programs are scored by how near their updates come, and nothing is trained. */
import { analyse } from "./abstract.ts";
import { compile, type Workbench } from "./compile.ts";
import type { Pack } from "./evaluate.ts";
import { parseGenome } from "./genome.ts";
import type { Machine } from "./machine.ts";
import { aligned, placeSegments, vectorBytes } from "./pack.ts";
import { log, Random } from "./random.ts";
import type { Space } from "./space.ts";
import { scheduleOf, type TraceTask } from "./tasks.ts";

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
  #done = 0;

  constructor(machine: Machine, space: Space, { name, rule, size, steps, seeds }: TraceTask) {
    [this.#machine, this.steps] = [machine, steps];
    this.problems = seeds.map((seed) => ({ task: name, seed }));
    this.#size = aligned(size);
    this.#elements = aligned(this.#size * seeds.length, 16);
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
    machine.top = top;
  }

  begin(): void {
    this.#done = 0;
  }

  advance(
    program: { readonly code: number; readonly end: number },
    from: number,
    to: number,
  ): void {
    this.#machine.run(program, from, to);
    this.#done = to;
  }

  /** The logarithm of updates over errors, both as root mean squares; 0 is what no update at all gives. */
  scores(): Float64Array {
    const out = this.bench.out!.address / 4;
    const { floats } = this.#machine;
    return Float64Array.from(this.problems, (_, k) => {
      let [error, size] = [0, 0];
      for (let step = 0; step < this.#done; step++) {
        const from = step * this.#elements + k * this.#size;
        for (let i = from; i < from + this.#size; i++) {
          const recorded = this.#recorded[i];
          const difference = floats[out + i] - recorded;
          error += difference * difference;
          size += recorded * recorded;
        }
      }
      return -0.5 * log(error / size + FLOOR * FLOOR);
    });
  }
}
