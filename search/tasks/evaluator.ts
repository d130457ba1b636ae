/** Trains programs, and optimizers of the library, on tasks of any kind. */
import { GradusError, shown, suggestion } from "../../dsl/errors.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import type { Analysis } from "../analysis/structure.ts";
import { compile } from "../machine/compile.ts";
import { Machine } from "../machine/machine.ts";
import type { Pack } from "../machine/pack.ts";
import type { Space } from "../programs/space.ts";
import { CLASSIFIER, classifierProblem, type ClassifierTask } from "./classifier.ts";
import { checkTask } from "./common.ts";
import { loadProblem, MODULE, type ModuleTask, type Problem, problemPack } from "./problem_pack.ts";
import { PROXY, proxyProblem, type ProxyTask } from "./proxies.ts";
import { checkQuadratic, type QuadraticTask } from "./quadratic.ts";
import { quadraticPack } from "./quadratic_pack.ts";
import { bestOfRates } from "./rates.ts";
import { rescaled } from "./rescaling.ts";
import { Recording, TRACE, type TraceTask } from "./trace.ts";

/** What is trained. */
export type Task = QuadraticTask | ClassifierTask | TraceTask | ModuleTask | ProxyTask;

/** What training a program gave. */
export interface Evaluation {
  /** The mean over the problems; -∞ if any of them exploded or the program was stopped. */
  readonly score: number;
  /** The score of each problem, in the order of {@linkcode Evaluator.problems}. */
  readonly scores: readonly number[];
  /** The score at the hurdle, if there is one. */
  readonly hurdle?: number;
  /** Whether its worker died of it or was given up, which says as much of the machine as of the program. */
  readonly isLost?: boolean;
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

/** Packs that are trained at the same learning rate, the best of so many. */
interface Unit {
  readonly packs: readonly Pack[];
  readonly rates: number;
}

/** The scores of problems in the end, and at the hurdle; none if a training was stopped. */
interface Trained {
  readonly value: number;
  readonly scores?: readonly number[];
  readonly hurdles: readonly number[];
}

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
  /** What the scores are of. */
  readonly problems: readonly { readonly task: string; readonly seed: number }[];
  readonly #space: Space;
  readonly #machine: Machine;
  readonly #units: readonly Unit[];

  private constructor(
    space: Space,
    machine: Machine,
    units: readonly Unit[],
    tasks: readonly Task[],
  ) {
    [this.#space, this.#machine, this.#units] = [space, machine, units];
    this.problems = tasks.flatMap(({ name, seeds }) => seeds.map((seed) => ({ task: name, seed })));
  }

  /** Prepares tasks; this may load the modules of some. */
  static async of(space: Space, tasks: readonly Task[]): Promise<Evaluator> {
    tasks.forEach(check);
    const machine = new Machine();
    // Quadratics that can be are trained side by side, which is quicker.
    const groups = new Map<string, QuadraticTask[]>();
    const others: Exclude<Task, QuadraticTask>[] = [];
    for (const [i, task] of tasks.entries()) {
      if (task.kind !== "quadratic") {
        others.push(task);
        continue;
      }
      const { steps, block, rates = 1 } = task;
      const key = `${steps} ${block} ${rates === 1 ? "" : i}`;
      groups.set(key, [...groups.get(key) ?? [], task]);
    }
    const units = [...groups.values()].map((group): Unit => ({
      packs: [quadraticPack(machine, group)],
      rates: group[0].rates ?? 1,
    }));
    for (const task of others) {
      const packs: Pack[] = [];
      if (task.kind === "trace") packs.push(new Recording(machine, space, task).pack);
      else {
        for (const seed of task.seeds) {
          packs.push(problemPack(machine, task.steps, await problemOf(task, seed)));
        }
      }
      units.push({ packs, rates: task.rates ?? 1 });
    }
    if (units.length === 0) throw new GradusError("Cannot train programs: there is no task");
    return new Evaluator(space, machine, units, [...[...groups.values()].flat(), ...others]);
  }

  /** Trains a program on all problems, unless it is stopped. */
  evaluate(analysis: Analysis, stop: Stop = STOP): Evaluation {
    const { top } = this.#machine;
    const [scores, hurdles]: number[][] = [[], []];
    try {
      for (const { packs, rates } of this.#units) {
        const ended = bestOfRates(rates, (rate) => this.#trainAll(packs, rate, analysis, stop));
        hurdles.push(...ended.hurdles);
        if (ended.scores === undefined) {
          return { score: -Infinity, scores: [], ...atHurdle(hurdles) };
        }
        scores.push(...ended.scores);
      }
      return { score: mean(scores), scores, ...atHurdle(hurdles) };
    } finally {
      this.#machine.top = top;
    }
  }

  #trainAll(packs: readonly Pack[], rate: number, analysis: Analysis, stop: Stop): Trained {
    const { top } = this.#machine;
    const [scores, hurdles]: number[][] = [[], []];
    for (const pack of packs) {
      pack.rate = rate;
      const ended = this.#train(pack, analysis, stop, hurdles);
      this.#machine.top = top;
      if (ended === undefined) return { value: -Infinity, hurdles };
      scores.push(...ended);
    }
    return { value: mean(scores), scores, hurdles };
  }

  /** The scores, or undefined if the training was stopped; those at the hurdle are added to `hurdles`. */
  #train(
    pack: Pack,
    analysis: Analysis,
    { below, hurdle }: Stop,
    hurdles: number[],
  ): Float64Array | undefined {
    const { steps } = pack;
    const program = pack.load(compile(this.#space, analysis, pack));
    const hurdleAt = hurdle && Math.min(steps, Math.max(1, Math.ceil(steps * hurdle.share)));
    let scores: Float64Array | undefined;
    for (let from = 0; from < steps;) {
      // The next mark, and the hurdle between two.
      const mark = Math.ceil(steps * (Math.floor(from * CHECKS / steps) + 1) / CHECKS);
      const to = hurdleAt !== undefined && hurdleAt > from && hurdleAt < mark ? hurdleAt : mark;
      pack.advance(program, from, to);
      from = to;
      scores = pack.scores(to);
      if (!scores.every((score) => score >= below && score < Infinity)) return undefined;
      if (to !== hurdleAt) continue;
      hurdles.push(...scores);
      if (mean(scores) < hurdle!.above) return undefined;
    }
    return scores;
  }

  /**
   * Trains an optimizer of the library the same way, as a baseline or to check what was found: `make` is
   * given the schedule.
   */
  evaluateOptimizer(make: (schedule: (count: number) => number) => Optimizer): Evaluation {
    const scores = this.#units.flatMap(({ packs, rates }) =>
      bestOfRates(rates, (rate) => {
        const scores = packs.flatMap((pack) => {
          pack.rate = rate;
          return [...this.#trainOptimizer(pack, make)];
        });
        const value = mean(scores);
        return { value: Number.isFinite(value) ? value : -Infinity, scores };
      }).scores
    );
    const isSound = scores.every((score) => Number.isFinite(score));
    return { score: isSound ? mean(scores) : -Infinity, scores };
  }

  #trainOptimizer(
    pack: Pack,
    make: (schedule: (count: number) => number) => Optimizer,
  ): Float64Array {
    const { w, g, out, lr, steps } = pack;
    const { top } = this.#machine;
    const gradient = pack.load({ instructions: [], states: [] });
    const optimizer = make((count) => lr[count]);
    let state = optimizer.init(pack.tensorsAt(w));
    for (let step = 0; step < steps; step++) {
      pack.advance(gradient, step, step + 1);
      const params = pack.tensorsAt(w, step);
      const [updates, next] = optimizer.update(pack.tensorsAt(g, step), state, params);
      state = next;
      // What a program calls its update is subtracted, and an optimizer's is added.
      const kept = out && pack.tensorsAt(out, step);
      updates.forEach((update, i) => {
        if (kept === undefined) update.forEach((u, k) => params[i][k] += u);
        else update.forEach((u, k) => kept[i][k] = -u);
      });
    }
    this.#machine.top = top;
    return pack.scores(steps);
  }
}

/** What a task must be, by its kind. */
const CHECKS_OF: {
  readonly [kind in Task["kind"]]: (task: Extract<Task, { readonly kind: kind }>) => void;
} = {
  quadratic: checkQuadratic,
  classifier: (task) => checkTask(task, CLASSIFIER),
  trace: (task) => checkTask(task, TRACE),
  module: (task) => checkTask(task, MODULE),
  proxy: (task) => checkTask(task, PROXY),
};

/** Refuses what is no task: it may come from a module of a user, or from another machine. */
function check(task: Task): void {
  const kinds = Object.keys(CHECKS_OF);
  const kind: unknown = (task as Partial<Task> | null)?.kind;
  if (!kinds.includes(kind as string)) {
    throw new GradusError(
      `Cannot make a task: its \`kind\` must be ${kinds.join(", ")}: given ${shown(kind)}` +
        (typeof kind === "string" ? suggestion(kind, kinds) : ""),
    );
  }
  CHECKS_OF[task.kind](task as never);
}

/** The problem of a task under a seed, where its gradient is a function. */
function problemOf(
  task: Exclude<Task, QuadraticTask | TraceTask>,
  seed: number,
): Problem | Promise<Problem> {
  if (task.kind === "proxy") return proxyProblem(task, seed);
  if (task.kind === "module") return loadProblem(task, seed);
  const problem = classifierProblem(task, seed);
  return task.rescaling === undefined ? problem : rescaled(problem, seed, task.rescaling);
}

function atHurdle(scores: readonly number[]): Pick<Evaluation, "hurdle"> {
  return scores.length === 0 ? {} : { hurdle: mean(scores) };
}

function mean(values: ArrayLike<number> & Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
