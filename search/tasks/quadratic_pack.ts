/** Quadratics in one pack: their gradients and losses are instructions like those of a program. */
import type { Machine } from "../machine/machine.ts";
import { Pack } from "../machine/pack.ts";
import { log } from "../programs/exact_math.ts";
import { scheduleOf } from "./common.ts";
import type { QuadraticTask } from "./quadratic.ts";
import { drawNoise, drawQuadratic } from "./quadratic_draws.ts";

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
      const own = drawQuadratic(task, seed);
      matrices.set(own.matrices, from * block);
      optimum.set(own.optimum, from);
      initial.set(own.initial, from);
      for (let step = 0; step < steps; step++) {
        const at = noise / 4 + step * elements + from;
        const drawn = machine.floats.subarray(at, at + task.size);
        drawNoise(task, seed, step, drawn);
        own.factors?.forEach((factor, k) => drawn[k] *= factor);
      }
    });
    const [apart, slope, zeros] = [0, 1, 2].map(() => machine.place(new Float32Array(elements)));
    const [target, table] = [machine.place(optimum), machine.place(matrices)];
    const difference = { name: "Sub.vv", bytes, dst: apart, a: w.address, b: target };
    const name = block === 8 ? "gradient8" : "gradient";
    const gradient = { name, bytes, a: apart, table, extra: 4 * block };
    const exact = machine.assemble([difference, { ...gradient, dst: slope, b: zeros }]);
    const losses = () => {
      machine.run(exact, 0, 1);
      const { floats } = machine;
      const found = new Float64Array(tensors.length);
      for (let i = 0; i < tensors.length; i++) {
        const from = tensors[i].at;
        const end = apart / 4 + from + tensors[i].length;
        let sum = 0;
        for (let k = apart / 4 + from, l = slope / 4 + from; k < end; k++, l++) {
          sum += floats[k] * floats[l];
        }
        found[i] = 0.5 * sum;
      }
      return found;
    };
    const start = () => machine.floats.set(initial, w.address / 4);
    start();
    const first = losses().map(log);
    return {
      start,
      gradient: [difference, { ...gradient, dst: g.address, b: noise, bStep: bytes }],
      scores: () => {
        const scores = losses();
        for (let i = 0; i < scores.length; i++) scores[i] = first[i] - log(scores[i]);
        return scores;
      },
    };
  });
}
