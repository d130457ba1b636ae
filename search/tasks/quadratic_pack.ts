/** Quadratics in one pack: their gradients and losses are instructions like those of a program. */
import type { Machine } from "../machine/machine.ts";
import { Pack } from "../machine/pack.ts";
import { log } from "../programs/exact_math.ts";
import { DRAWS, Random } from "../programs/random.ts";
import { scheduleOf } from "./common.ts";
import type { QuadraticTask } from "./quadratic.ts";

/** The pack of quadratics of the same number of steps and the same blocks. */
export function quadraticPack(machine: Machine, tasks: readonly QuadraticTask[]): Pack {
  const each = tasks.flatMap((task) => task.seeds.map((seed) => ({ task, seed })));
  const [{ steps, block }] = tasks;
  const lengths = each.map(({ task }) => task.size);
  return new Pack(machine, { lr: scheduleOf(steps), lengths }, ({ tensors, bytes, w, g }) => {
    const elements = bytes / 4;
    const initial = new Float32Array(elements);
    const optimum = new Float32Array(elements);
    const matrices = new Float32Array(elements * block);
    const noise = machine.take(bytes * steps);
    each.forEach(({ task, seed }, i) => {
      const from = tensors[i].at;
      drawMatrices(task, seed, matrices.subarray(from * block, (from + task.size) * block));
      const start = new Random(seed, DRAWS.start, 0);
      for (let k = from; k < from + task.size; k++) {
        optimum[k] = task.optimum * start.normal();
        initial[k] = optimum[k] + start.normal();
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
    const [apart, slope, zeros] = [0, 1, 2].map(() => machine.place(new Float32Array(elements)));
    const [target, table] = [machine.place(optimum), machine.place(matrices)];
    const difference = { name: "Sub.vv", bytes, dst: apart, a: w.address, b: target };
    const gradient = { name: "gradient", bytes, a: apart, table, extra: 4 * block };
    const exact = machine.assemble([difference, { ...gradient, dst: slope, b: zeros }]);
    const losses = () => {
      machine.run(exact, 0, 1);
      const { floats } = machine;
      return Float64Array.from(tensors, ({ at, length }) => {
        let sum = 0;
        for (let k = at; k < at + length; k++) sum += floats[apart / 4 + k] * floats[slope / 4 + k];
        return 0.5 * sum;
      });
    };
    const start = () => machine.floats.set(initial, w.address / 4);
    start();
    const first = losses();
    return {
      start,
      gradient: [difference, { ...gradient, dst: g.address, b: noise, bStep: bytes }],
      scores: () => losses().map((loss, i) => log(first[i]) - log(loss)),
    };
  });
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
