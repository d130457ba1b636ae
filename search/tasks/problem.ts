/** Problems whose gradients are JavaScript. */
import type { Workbench } from "../machine/compile.ts";
import type { Pack } from "./evaluator.ts";
import type { Machine } from "../machine/machine.ts";
import { aligned, placeSegments, vectorBytes } from "../machine/pack.ts";
import { log } from "../programs/random.ts";
import { type Problem, scheduleOf, type TaskBase } from "./task.ts";

/** One problem by itself; its tensors lie one after the other, each where a vector may begin. */
export class ProblemPack implements Pack {
  readonly bench: Workbench;
  readonly steps: number;
  readonly problems: Pack["problems"];
  readonly before = [];
  readonly #machine: Machine;
  readonly #problem: Problem;
  readonly #segments: readonly { readonly at: number; readonly length: number }[];
  readonly #w: Float32Array;
  readonly #g: Float32Array;
  readonly #initialLoss: number;

  constructor(machine: Machine, { name, steps }: TaskBase, seed: number, problem: Problem) {
    [this.#machine, this.#problem, this.steps] = [machine, problem, steps];
    this.problems = [{ task: name, seed }];
    let at = 0;
    this.#segments = problem.tensors.map((length) => {
      const segment = { at, length };
      at += aligned(length);
      return segment;
    });
    const bytes = vectorBytes(aligned(at, 16));
    const size = problem.tensors.reduce((a, b) => a + b, 0);
    [this.#w, this.#g] = [new Float32Array(size), new Float32Array(size)];
    const [w, g] = [machine.take(bytes), machine.take(bytes)];
    machine.floats.fill(0, w / 4, (w + bytes) / 4);
    machine.floats.fill(0, g / 4, (g + bytes) / 4);
    this.bench = {
      machine,
      bytes,
      w: { address: w, step: 0 },
      g: { address: g, step: 0 },
      lr: scheduleOf(steps),
      ...placeSegments(machine, this.#segments),
    };
    problem.start(this.#w);
    this.#initialLoss = problem.loss(this.#w);
  }

  begin(): void {
    this.#problem.start(this.#w);
    this.#write(this.#w, this.bench.w.address);
  }

  advance(
    program: { readonly code: number; readonly end: number },
    from: number,
    to: number,
  ): void {
    for (let step = from; step < to; step++) {
      this.#read();
      this.#problem.gradient(this.#w, step, this.#g);
      this.#write(this.#g, this.bench.g.address);
      this.#machine.run(program, step, step + 1);
    }
  }

  scores(): Float64Array {
    this.#read();
    return Float64Array.of(log(this.#initialLoss) - log(this.#problem.loss(this.#w)));
  }

  #write(values: Float32Array, address: number): void {
    let from = 0;
    for (const { at, length } of this.#segments) {
      this.#machine.floats.set(values.subarray(from, from + length), address / 4 + at);
      from += length;
    }
  }

  #read(): void {
    const start = this.bench.w.address / 4;
    let from = 0;
    for (const { at, length } of this.#segments) {
      this.#w.set(this.#machine.floats.subarray(start + at, start + at + length), from);
      from += length;
    }
  }
}
