/** Trains programs on tasks. */
import { GradusError } from "../../dsl/errors.ts";
import type { Analysis } from "../analysis/analyse.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { compile, type Compiled, type Workbench } from "../machine/compile.ts";
import { type Instruction, Machine } from "../machine/machine.ts";
import { ProblemPack } from "./problem.ts";
import { QuadraticPack } from "./quadratic_gradient.ts";
import type { Space } from "../programs/space.ts";
import { TracePack } from "./trace.ts";
import { checkBase, type Problem, type QuadraticTask, type Task } from "./task.ts";

/** Problems that are trained together. */
export interface Pack {
  readonly bench: Workbench;
  readonly steps: number;
  readonly problems: readonly { readonly task: string; readonly seed: number }[];
  /** Instructions of a step before those of a program. */
  readonly before: readonly Instruction[];
  begin(): void;
  advance(program: { readonly code: number; readonly end: number }, from: number, to: number): void;
  /** How good each problem's place is: the more, the better; not finite where it exploded. */
  scores(): Float64Array;
}

/** What training a program gave. */
export interface Evaluation {
  /** The mean over the problems; -∞ if any of them exploded or the program was stopped. */
  readonly score: number;
  /** The score of each problem, in the order of {@linkcode Evaluator.problems}. */
  readonly scores: readonly number[];
  /** The score at the hurdle, if there is one. */
  readonly hurdle?: number;
}

/** When training is stopped early. */
export interface Stop {
  /** Training is stopped once a problem's score is below this. */
  readonly below: number;
  /** Whether after this share of the steps the score must be above a bound. */
  readonly hurdle?: { readonly share: number; readonly above: number };
}

/** A loss of 4 times that of the start, as in the paper. */
export const STOP: Stop = { below: -1.3862943611198906 };
/** How often a training is looked at. */
const CHECKS = 8;

/**
 * Trains programs of a space on tasks.
 *
 * @example
 * ```ts
 * import { ADAMW, analyse, Evaluator, parseGenome, quadratic, space } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const paper = space();
 * const evaluator = await Evaluator.of(paper, [quadratic({ noise: { degrees: 2, scale: 0.3 } })]);
 * assert(evaluator.evaluate(analyse(paper, parseGenome(paper, ADAMW))).score > 0.1);
 * ```
 */
export class Evaluator {
  readonly #space: Space;
  readonly #machine: Machine;
  readonly #packs: readonly Pack[];

  private constructor(space: Space, machine: Machine, packs: readonly Pack[]) {
    [this.#space, this.#machine, this.#packs] = [space, machine, packs];
  }

  /** Prepares tasks; this may load the modules of some. */
  static async of(space: Space, tasks: readonly Task[]): Promise<Evaluator> {
    tasks.forEach(checkBase);
    const machine = new Machine();
    const packs: Pack[] = [];
    const together = new Map<string, QuadraticTask[]>();
    for (const task of tasks) {
      if (task.kind === "quadratic") {
        const key = `${task.steps} ${task.block}`;
        const others = together.get(key);
        if (others === undefined) together.set(key, [task]);
        else others.push(task);
      }
    }
    for (const group of together.values()) packs.push(new QuadraticPack(machine, group));
    for (const task of tasks) {
      if (task.kind === "trace") packs.push(new TracePack(machine, space, task));
      if (task.kind === "classifier" || task.kind === "module") {
        for (const seed of task.seeds) {
          packs.push(new ProblemPack(machine, task, seed, await problemOf(task, seed)));
        }
      }
    }
    if (packs.length === 0) throw new GradusError("Cannot train programs: there is no task");
    return new Evaluator(space, machine, packs);
  }

  /** What the scores are of. */
  get problems(): { readonly task: string; readonly seed: number }[] {
    return this.#packs.flatMap(({ problems }) => problems);
  }

  /** Trains a program on all problems, unless it is stopped. */
  evaluate(analysis: Analysis, stop: Stop = STOP): Evaluation {
    const top = this.#machine.top;
    try {
      const scores: number[] = [];
      const hurdles: number[] = [];
      for (const pack of this.#packs) {
        const { ended, hurdle } = this.#train(
          pack,
          compile(this.#space, analysis, pack.bench),
          stop,
        );
        hurdles.push(...hurdle);
        if (ended === undefined) return { score: -Infinity, scores: [], ...atHurdle(hurdles) };
        scores.push(...ended);
        this.#machine.top = top;
      }
      return { score: mean(scores), scores, ...atHurdle(hurdles) };
    } finally {
      this.#machine.top = top;
    }
  }

  /**
   * Trains an optimizer of the library the same way, as a baseline or to check what was found: `make` is
   * given the schedule.
   */
  evaluateOptimizer(make: (schedule: (count: number) => number) => Optimizer): Evaluation {
    const scores: number[] = [];
    for (const pack of this.#packs) {
      const { w, g, tensors, lr } = pack.bench;
      const top = this.#machine.top;
      const program = this.#machine.assemble(pack.before);
      pack.begin();
      const read = (address: number) =>
        tensors.map(({ at, length }) =>
          this.#machine.floats.slice(address / 4 + at, address / 4 + at + length)
        );
      const params = read(w.address);
      const optimizer = make((count) => lr[count]);
      const state = optimizer.init(params);
      for (let step = 0; step < pack.steps; step++) {
        pack.advance(program, step, step + 1);
        optimizer.step(params, read(g.address), state);
        tensors.forEach(({ at }, i) => this.#machine.floats.set(params[i], w.address / 4 + at));
      }
      scores.push(...pack.scores());
      this.#machine.top = top;
    }
    const isSound = scores.every((score) => Number.isFinite(score));
    return { score: isSound ? mean(scores) : -Infinity, scores };
  }

  #train(
    pack: Pack,
    { instructions, states }: Compiled,
    { below, hurdle }: Stop,
  ): { readonly ended: Float64Array | undefined; readonly hurdle: readonly number[] } {
    const { bytes } = pack.bench;
    for (const state of states) this.#machine.floats.fill(0, state / 4, (state + bytes) / 4);
    const program = this.#machine.assemble([...pack.before, ...instructions]);
    pack.begin();
    const marks = new Set([pack.steps]);
    for (let k = 1; k < CHECKS; k++) marks.add(Math.ceil(pack.steps * k / CHECKS));
    const hurdleAt = hurdle === undefined ? -1 : Math.max(1, Math.ceil(pack.steps * hurdle.share));
    if (hurdle !== undefined) marks.add(hurdleAt);
    let from = 0;
    let passed: readonly number[] = [];
    for (const to of [...marks].sort((a, b) => a - b)) {
      pack.advance(program, from, to);
      from = to;
      const scores = pack.scores();
      if (!scores.every((score) => score >= below && score < Infinity)) {
        return { ended: undefined, hurdle: passed };
      }
      if (to === hurdleAt) {
        passed = [...scores];
        if (mean(passed) < hurdle!.above) return { ended: undefined, hurdle: passed };
      }
      if (to === pack.steps) return { ended: scores, hurdle: passed };
    }
    return { ended: undefined, hurdle: passed };
  }
}

function atHurdle(scores: readonly number[]): Pick<Evaluation, "hurdle"> {
  return scores.length === 0 ? {} : { hurdle: mean(scores) };
}

function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

async function problemOf(
  task: Extract<Task, { kind: "classifier" | "module" }>,
  seed: number,
): Promise<Problem> {
  if (task.kind === "classifier") {
    const { classifierProblem } = await import("./classifier.ts");
    return classifierProblem(task, seed);
  }
  const { default: make } = await import(task.url);
  if (typeof make !== "function") {
    throw new GradusError(
      `Cannot load task "${task.name}": ${task.url} must export a function as its default`,
    );
  }
  return make(task.options, seed);
}
