/** Proxies: cheap tasks that are known by name and version, so that nothing but their name must be sent. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { ANY, type Kinds, needed, optional, requireOptions, TEXT } from "../../dsl/options.ts";
import { BASE, checkTask, type TaskBase } from "./common.ts";
import { inContextProblem } from "./in_context.ts";
import { languageProblem, SMALL } from "./language.ts";
import type { Problem } from "./problem_pack.ts";
import { logSpectrum, quadratic, type QuadraticTask } from "./quadratic.ts";
import { rescaled, type Rescaling } from "./rescaling.ts";
import { zipfProblem } from "./zipf.ts";

/** A task that its name and version say all about. */
export interface ProxyTask extends TaskBase {
  /** Marks a proxy. */
  readonly kind: "proxy";
  /** Which it is, such as `"zipf@1"`: what a version scores never changes. */
  readonly proxy: string;
  /** How many times as much work it is as usual, about: half of that in its steps, half in its size. */
  readonly factor: number;
}

/** The units of all proxies: a factor of about 2 a tensor, and one of about √2 an element. */
const RESCALING: Rescaling = { tensors: 1, elements: 0.5 };

/** A proxy; `growth` is the factor of its sizes. */
interface Proxy {
  readonly steps: number;
  readonly problem: (seed: number, growth: number) => Problem;
}

/** A size that has grown, a multiple of 8. */
const grown = (size: number, growth: number) => 8 * Math.round(size * growth / 8);

const PROXIES: ReadonlyMap<string, Proxy> = new Map<string, Proxy>([
  ["zipf@1", {
    steps: 150,
    problem: (seed, growth) =>
      zipfProblem(seed, { features: 32, classes: grown(64, growth), batch: 16 }),
  }],
  ["context@1", {
    steps: 200,
    problem: (seed, growth) => {
      // A layer's work grows with the square of its width, and with its context.
      const side = Math.sqrt(growth);
      const sizes = { width: grown(8, side), context: grown(16, side), batch: 8, layers: 2 };
      return inContextProblem(seed, sizes);
    },
  }],
  ["charlm@1", {
    steps: 300,
    problem: (seed, growth) => {
      const width = 16 * Math.round(SMALL.width * Math.sqrt(growth) / 16);
      return languageProblem(seed, { ...SMALL, width, heads: width / 16, hidden: 3 * width });
    },
  }],
]);

/** What a proxy must be; whether there is one of its name is told where it is made. */
export const PROXY: Kinds<ProxyTask> = {
  ...BASE,
  kind: ANY,
  proxy: needed(TEXT),
  factor: needed({
    is: (value) => value as number >= 1 && value as number <= 1000,
    must: "from 1 to 1000",
  }),
};

/** Quadratics of 64 elements, of which blocks of 8 differ in their curvature by up to 1000 to 1. */
const BLOCKS = {
  name: "blocks@1",
  spectrum: logSpectrum(64, 1000),
  isOrdered: true,
  noise: { degrees: 2, scale: 0.1 },
  rescaling: RESCALING,
} as const;

/** What may be said of a proxy; what is left out is as its version has it. */
export type ProxyOptions = Partial<Pick<TaskBase, "steps" | "seeds" | "rates">>;

const OPTIONS: Kinds<ProxyOptions> = (() => {
  const { name: _, ...kinds } = optional(BASE);
  return kinds;
})();

/**
 * The task of a name and version.
 *
 * - `zipf@1`: softmax regression on 64 classes that come by Zipf's law (Kunstner et al. 2024).
 * - `context@1`: a transformer of two layers of linear attention that learns regression in context (Ahn et al.
 *   2024).
 * - `blocks@1`: a quadratic whose blocks differ in curvature, with heavy-tailed noise (Zhang et al. 2024).
 * - `charlm@1`: a transformer of 51 thousand parameters that learns the characters of an invented language.
 *
 * Each is trained in random units, w = s · v with factors s of its seed, so that how large a parameter is says
 * nothing. The score is ln(first loss / last loss), at the end of a schedule that falls to 0.
 *
 * @example
 * ```ts
 * import { ADAMW, analyse, Evaluator, parseGenome, proxy, space } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const evaluator = await Evaluator.of(space(), [proxy("context@1", { rates: 4 })]);
 * assert(evaluator.evaluate(analyse(space(), parseGenome(space(), ADAMW))).score > 0.5);
 * ```
 *
 * @throws {GradusError} if there is no such proxy, or an option cannot be used.
 */
export function proxy(name: string, options: ProxyOptions = {}): ProxyTask | QuadraticTask {
  requireOptions(`Cannot make task ${quoted(name)}`, options, OPTIONS);
  if (name === BLOCKS.name) return quadratic({ ...BLOCKS, seeds: [1], ...options });
  const { steps } = proxyOf(name);
  const task: ProxyTask = {
    kind: "proxy",
    name,
    proxy: name,
    factor: 1,
    steps,
    seeds: [1],
    ...options,
  };
  checkTask(task, PROXY);
  return task;
}

/**
 * The names of all proxies.
 *
 * @example
 * ```ts
 * import { proxyNames } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...proxyNames].sort(), ["blocks@1", "charlm@1", "context@1", "zipf@1"]);
 * ```
 */
export const proxyNames: readonly string[] = [...PROXIES.keys(), BLOCKS.name];

function proxyOf(name: string): Proxy {
  const known = PROXIES.get(name);
  if (known !== undefined) return known;
  if (typeof name !== "string") {
    throw new GradusError(`Cannot make a task: a proxy must be a name: given ${shown(name)}`);
  }
  throw new GradusError(
    `Cannot make a task: there is no proxy ${quoted(name)}${suggestion(name, proxyNames)}: ` +
      `there are ${proxyNames.join(", ")}`,
  );
}

/** The problem of a proxy under a seed. */
export function proxyProblem({ proxy, factor }: ProxyTask, seed: number): Problem {
  return rescaled(proxyOf(proxy).problem(seed, Math.sqrt(factor)), seed, RESCALING);
}
