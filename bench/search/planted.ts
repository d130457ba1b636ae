/** The rules that searches are to recover from AdamW, and how it is told that they have. */
import {
  type Genome,
  paperMutations,
  parseGenome,
  printGenome,
  repeat,
  type Resemblance,
  resemblance,
  type SearchOptions,
  space,
  type TraceTask,
  tuneConstants,
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
  powerSign: `
    m = interp(g, m, 0.9)
    a = sign(g)
    b = sign(m)
    c = mul(a, b)
    d = exp(c)
    update = mul(d, g)
    lr = mul(lr, 0.001)
    update = mul(update, lr)`,
  cautiousAdamw: `
    g2 = square(g)
    m = interp(g, m, 0.9)
    v = interp(g2, v, 0.999)
    sqrt_v = sqrt(v)
    update = div(m, sqrt_v)
    a = mul(update, g)
    b = sign(a)
    mask = max(b, 0)
    update = mul(update, mask)
    wd = mul(w, 0.01)
    update = add(update, wd)
    lr = mul(lr, 0.001)
    update = mul(update, lr)`,
  tiger: `
    m = interp(g, m, 0.965)
    update = sign(m)
    size = norm(w)
    update = mul(update, size)
    lr = mul(lr, 0.001)
    update = mul(update, lr)`,
  adabelief: `
    m = interp(g, m, 0.9)
    d = sub(g, m)
    d2 = square(d)
    v = interp(d2, v, 0.999)
    sqrt_v = sqrt(v)
    update = div(m, sqrt_v)
    lr = mul(lr, 0.001)
    update = mul(update, lr)`,
};

/** Recordings of a rule; a program is scored by how near its updates come, but for a factor. */
export const recording = (rule: string, seeds: readonly number[]): TraceTask => ({
  kind: "trace",
  name: "recording",
  rule: PLANTED[rule],
  size: 64,
  steps: 40,
  seeds,
  scale: "free",
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
    mutations: {
      ...paperMutations,
      wire: { weight: 1, mutate: wire },
      repeat: { weight: 1, mutate: repeat },
    },
    tune: { evaluations: 20 },
    below: -Infinity,
    lengthCost: 0.004,
    restart: { patience: 5_000, lifetime: 15_000, from: "init" },
  };
}

/** What a search found, ended: with the factor that was left open, and its constants tuned. */
export interface Ended {
  readonly genome: Genome;
  readonly trained: number;
  /** On recordings that no search has seen, by which it is told when to end. */
  readonly fresh: Resemblance;
  /** On others, by which what was found is judged, once. */
  readonly judged: Resemblance;
}

/** Ends what a search found. */
export async function ended(rule: string, options: SearchOptions, genome: Genome): Promise<Ended> {
  // One statement more than a search may make.
  const known = space();
  const [task] = options.tasks as readonly TraceTask[];
  const { factor } = resemblance(known, task, genome);
  const { text, trained } = await tuneConstants(
    `${printGenome(known, genome)}\nupdate = mul(update, ${factor})`,
    { tasks: [{ ...task, scale: "exact" }], evaluations: 400, below: -Infinity },
  );
  const tuned = parseGenome(known, text);
  const [fresh, judged] = [FRESH, JUDGED].map((seeds) =>
    resemblance(known, recording(rule, seeds), tuned)
  );
  return { genome: tuned, trained, fresh, judged };
}

/** Seeds of recordings that no search sees. */
const FRESH = [1, 2, 3, 4];
const JUDGED = [5, 6, 7, 8, 9, 10, 11, 12];
