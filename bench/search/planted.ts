/** The rules that searches are to recover from AdamW, and how it is told that they have. */
import {
  analyse,
  Evaluator,
  type Genome,
  paperMutations,
  parseGenome,
  type SearchOptions,
  space,
  type TraceTask,
  wire,
} from "../../search/mod.ts";

/** Planted rules: their step sizes are AdamW's, so that structure is what is to be found. */
export const PLANTED: Readonly<Record<string, string>> = {
  signum: `
    m = interp(g, m, 0.9)
    update = sign(m)
    lr = mul(lr, 0.001)
    update = mul(update, lr)`,
  lion: `
    c = interp(g, m, 0.9)
    update = sign(c)
    m = interp(g, m, 0.99)
    lr = mul(lr, 0.001)
    update = mul(update, lr)`,
  rmsprop: `
    g2 = square(g)
    v = interp(g2, v, 0.99)
    sqrt_v = sqrt(v)
    update = div(g, sqrt_v)
    lr = mul(lr, 0.001)
    update = mul(update, lr)`,
  addSign: `
    m = interp(g, m, 0.9)
    a = sign(g)
    b = sign(m)
    c = mul(a, b)
    d = add(c, 1)
    update = mul(d, g)
    lr = mul(lr, 0.001)
    update = mul(update, lr)`,
  nadam: `
    g2 = square(g)
    m = interp(g, m, 0.9)
    n = interp(g, m, 0.9)
    v = interp(g2, v, 0.999)
    sqrt_v = sqrt(v)
    update = div(n, sqrt_v)
    lr = mul(lr, 0.001)
    update = mul(update, lr)`,
};

const recording = (rule: string, seeds: readonly number[]): TraceTask => ({
  kind: "trace",
  name: "recording",
  rule: PLANTED[rule],
  size: 32,
  steps: 40,
  seeds,
});

/** The search that is to recover a rule. */
export function recovery(rule: string, seed: number, trained: number): SearchOptions {
  return {
    tasks: [recording(rule, [2 * seed + 1000, 2 * seed + 1001])],
    seed,
    budget: { trained },
    population: 100,
    tournament: 5,
    space: { longest: 16 },
    mutations: { ...paperMutations, wire: { weight: 1, mutate: wire } },
    below: -Infinity,
    lengthCost: 0.02,
    restart: { patience: 5_000, lifetime: 15_000, from: "init" },
  };
}

/** The error of a program on recordings that no search has seen, as a share of the updates. */
export async function freshError(rule: string): Promise<(genome: Genome) => number> {
  const paper = space();
  const evaluator = await Evaluator.of(paper, [recording(rule, [1, 2, 3, 4])]);
  const exact = evaluator.evaluate(analyse(paper, parseGenome(paper, PLANTED[rule])));
  if (!(exact.score > 10)) throw new Error(`${rule} does not recover itself`);
  return (genome) =>
    Math.exp(-evaluator.evaluate(analyse(paper, genome), { below: -Infinity }).score);
}
