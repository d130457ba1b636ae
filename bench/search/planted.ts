/** The rules that searches are to recover from AdamW, and the searches. */
import {
  average,
  paperMutations,
  repair,
  repeat,
  round,
  scale,
  type SearchOptions,
  type TraceTask,
  wire,
} from "../../search/mod.ts";

/** What rules do before they take their step. */
const DIRECTIONS: Readonly<Record<string, string>> = {
  signum: `
    m = interp(g, m, 0.9)
    update = sign(m)`,
  lion: `
    c = interp(g, m, 0.9)
    update = sign(c)
    m = interp(g, m, 0.99)`,
  rmsprop: `
    g2 = square(g)
    v = interp(g2, v, 0.99)
    sqrt_v = sqrt(v)
    update = div(g, sqrt_v)`,
  addSign: `
    m = interp(g, m, 0.9)
    a = sign(g)
    b = sign(m)
    c = mul(a, b)
    d = add(c, 1)
    update = mul(d, g)`,
  nadam: `
    g2 = square(g)
    m = interp(g, m, 0.9)
    n = interp(g, m, 0.9)
    v = interp(g2, v, 0.999)
    sqrt_v = sqrt(v)
    update = div(n, sqrt_v)`,
  powerSign: `
    m = interp(g, m, 0.9)
    a = sign(g)
    b = sign(m)
    c = mul(a, b)
    d = exp(c)
    update = mul(d, g)`,
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
    update = add(update, wd)`,
  tiger: `
    m = interp(g, m, 0.965)
    update = sign(m)
    size = norm(w)
    update = mul(update, size)`,
  adabelief: `
    m = interp(g, m, 0.9)
    d = sub(g, m)
    d2 = square(d)
    v = interp(d2, v, 0.999)
    sqrt_v = sqrt(v)
    update = div(m, sqrt_v)`,
};

/** Planted rules: their step sizes are AdamW's, so that structure is what is to be found. */
export const PLANTED: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(DIRECTIONS).map(([name, direction]) => [
    name,
    `${direction}
    lr = mul(lr, 0.001)
    update = mul(update, lr)`,
  ]),
);

/** Recordings of a rule; a program is scored by how near its updates come, but for a factor. */
export const recording = (rule: string, seeds: readonly number[]): TraceTask => ({
  kind: "trace",
  name: "recording",
  rule: PLANTED[rule],
  size: 32,
  steps: 40,
  seeds,
  scale: "free",
  sparsity: 0.1,
});

/** What engines have in common. */
function common(rule: string, seed: number, trained: number) {
  return {
    tasks: [recording(rule, [0, 1, 2, 3].map((i) => 4 * seed + 1000 + i))],
    seed,
    budget: { trained },
    population: 100,
    below: -Infinity,
    tune: { evaluations: 20 },
    lengthCost: 0.004,
  } satisfies SearchOptions;
}

const mutations = {
  ...paperMutations,
  wire: { weight: 1, mutate: wire },
  repeat: { weight: 1, mutate: repeat },
};

/** The searches that are to recover a rule. */
export const ENGINES: Readonly<
  Record<string, (rule: string, seed: number, trained: number) => SearchOptions>
> = {
  "regularized evolution": (rule, seed, trained) => ({
    ...common(rule, seed, trained),
    mutations,
    tournament: 5,
    space: { longest: 16 },
    restart: { patience: 5_000, lifetime: 15_000, from: "init" },
  }),
  repair: (rule, seed, trained) => {
    const own = common(rule, seed, trained);
    return {
      ...own,
      mutations: {
        ...mutations,
        repair: { weight: 6, mutate: repair({ tasks: own.tasks, constants: [0, 1] }) },
        average: { weight: 2, mutate: average({ tasks: own.tasks }) },
        scale: { weight: 2, mutate: scale },
        round: { weight: 1, mutate: round },
      },
      survival: "front",
      tournament: 2,
      downsample: 0.5,
      redraws: 10,
      space: { longest: 24 },
    };
  },
};
