/** Quadratics side by side in one vector: their gradients are instructions like those of a program. */
import type { Workbench } from "../machine/compile.ts";
import type { Machine } from "../machine/machine.ts";
import { aligned, placeSegments, vectorBytes } from "../machine/pack.ts";
import { log, Random } from "../programs/random.ts";
import { type QuadraticTask, scheduleOf } from "./task.ts";
import type { Pack } from "./evaluator.ts";

/** Streams of random numbers. */
const DRAWS = { axes: 1, start: 2, noise: 3 } as const;

/** Quadratics of the same number of steps and the same blocks. */
export class QuadraticPack implements Pack {
  readonly bench: Workbench;
  readonly steps: number;
  readonly problems: readonly { readonly task: string; readonly seed: number }[];
  readonly #sizes: readonly number[];
  readonly #starts: readonly number[];
  readonly #machine: Machine;
  readonly #initial: Float32Array;
  readonly #difference: number;
  readonly #exact: { readonly code: number; readonly end: number };
  readonly #noisy: readonly [
    Parameters<Machine["assemble"]>[0][number],
    Parameters<Machine["assemble"]>[0][number],
  ];
  readonly #exactGradient: number;
  readonly #initialLoss: Float64Array;

  constructor(machine: Machine, tasks: readonly QuadraticTask[]) {
    const each = tasks.flatMap((task) => task.seeds.map((seed) => ({ task, seed })));
    const [{ steps, block }] = tasks;
    [this.#machine, this.steps] = [machine, steps];
    this.problems = each.map(({ task, seed }) => ({ task: task.name, seed }));
    this.#sizes = each.map(({ task }) => task.size);
    this.#starts = each.map((_, i) => this.#sizes.slice(0, i).reduce((a, b) => a + b, 0));
    const elements = aligned(this.#sizes.reduce((a, b) => a + b, 0), 16);
    const bytes = vectorBytes(elements);
    this.#initial = new Float32Array(elements);
    const optimum = new Float32Array(elements);
    const matrices = new Float32Array(elements * block);
    const noise = machine.take(bytes * steps);
    each.forEach(({ task, seed }, i) => {
      const from = this.#starts[i];
      drawMatrices(task, seed, matrices.subarray(from * block, (from + task.size) * block));
      const start = new Random(seed, DRAWS.start, 0);
      for (let k = from; k < from + task.size; k++) {
        optimum[k] = task.optimum * start.normal();
        this.#initial[k] = optimum[k] + start.normal();
      }
      const { degrees, scale } = task.noise;
      for (let step = 0; step < steps; step++) {
        const draws = new Random(seed, DRAWS.noise, step);
        const at = noise / 4 + step * elements + from;
        for (let k = 0; k < task.size; k++) {
          const drawn = degrees === Infinity ? draws.normal() : draws.student(degrees);
          machine.floats[at + k] = scale * drawn;
        }
      }
    });
    const [w, g, zeros] = [0, 1, 2].map(() => machine.take(bytes));
    machine.floats.fill(0, zeros / 4, (zeros + bytes) / 4);
    [this.#difference, this.#exactGradient] = [machine.take(bytes), machine.take(bytes)];
    const target = machine.place(optimum);
    const table = machine.place(matrices);
    const difference = { name: "Sub.vv", bytes, dst: this.#difference, a: w, b: target };
    const gradient = { name: "gradient", bytes, a: this.#difference, table, extra: 4 * block };
    this.#noisy = [difference, { ...gradient, dst: g, b: noise, bStep: bytes }];
    this.#exact = machine.assemble([
      difference,
      { ...gradient, dst: this.#exactGradient, b: zeros },
    ]);
    const segments = this.#sizes.map((length, i) => ({ at: this.#starts[i], length }));
    this.bench = {
      machine,
      bytes,
      w: { address: w, step: 0 },
      g: { address: g, step: 0 },
      lr: scheduleOf(steps),
      ...placeSegments(machine, segments),
    };
    this.begin();
    this.#initialLoss = this.losses();
  }

  get before(): Parameters<Machine["assemble"]>[0] {
    return this.#noisy;
  }

  begin(): void {
    this.#machine.floats.set(this.#initial, this.bench.w.address / 4);
  }

  advance(
    program: { readonly code: number; readonly end: number },
    from: number,
    to: number,
  ): void {
    this.#machine.run(program, from, to);
  }

  scores(): Float64Array {
    return this.losses().map((loss, i) => log(this.#initialLoss[i]) - log(loss));
  }

  /** The exact losses. */
  losses(): Float64Array {
    this.#machine.run(this.#exact, 0, 1);
    const { floats } = this.#machine;
    const [d, g] = [this.#difference / 4, this.#exactGradient / 4];
    return Float64Array.from(this.#sizes, (size, i) => {
      let sum = 0;
      for (let k = this.#starts[i]; k < this.#starts[i] + size; k++) {
        sum += floats[d + k] * floats[g + k];
      }
      return 0.5 * sum;
    });
  }
}

/** Blocks QΛQᵀ, column after column, for eigenvalues in random order and random orthogonal Q. */
function drawMatrices(
  { size, block, spectrum }: QuadraticTask,
  seed: number,
  out: Float32Array,
): void {
  const random = new Random(seed, DRAWS.axes, 0);
  const eigenvalues = [...spectrum];
  for (let i = size - 1; i > 0; i--) {
    const k = random.below(i + 1);
    [eigenvalues[i], eigenvalues[k]] = [eigenvalues[k], eigenvalues[i]];
  }
  for (let first = 0; first < size; first += block) {
    const axes = orthonormal(block, random);
    for (let column = 0; column < block; column++) {
      for (let row = 0; row < block; row++) {
        let sum = 0;
        axes.forEach((axis, k) => sum += axis[row] * axis[column] * eigenvalues[first + k]);
        out[first * block + column * block + row] = sum;
      }
    }
  }
}

/** Random axes at right angles, by Gram and Schmidt, twice for the rounding. */
function orthonormal(count: number, random: Random): number[][] {
  const axes: number[][] = [];
  while (axes.length < count) {
    let axis = Array.from({ length: count }, () => random.normal());
    for (let twice = 0; twice < 2; twice++) {
      for (const other of axes) {
        const along = axis.reduce((sum, x, i) => sum + x * other[i], 0);
        axis = axis.map((x, i) => x - along * other[i]);
      }
      const length = Math.sqrt(axis.reduce((sum, x) => sum + x * x, 0));
      axis = axis.map((x) => x / length);
    }
    axes.push(axis);
  }
  return axes;
}
