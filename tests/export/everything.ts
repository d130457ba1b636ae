/** Every optimizer there is, to be exported: the zoo with its required options, wrappers around some. */
import * as zoo from "../../zoo/mod.ts";
import {
  adamw,
  applyIfFinite,
  averageParams,
  averageSteps,
  chain,
  clipByGlobalNorm,
  conditionallyMask,
  conditionallyTransform,
  cosineDecaySchedule,
  dynamicLossScale,
  freeze,
  lion,
  lookahead,
  masked,
  mechanize,
  multiSteps,
  namedChain,
  type Optimizer,
  type OptimizerFactory,
  partition,
  reduceOnPlateau,
  schedule,
  scheduleFree,
  sgd,
} from "../../mod.ts";

/** What required options are where 0.1 is no good, or where the option has another name. */
const OPTIONS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  addNoise: { seed: 1 },
  applyEvery: { k: 2 },
  ema: { decay: 0.5 },
  trace: { decay: 0.5 },
};

/** Optimizers that draw random numbers, which no graph does. */
export const RANDOM: readonly string[] = [
  ...["addNoise", "noisySgd", "apollo", "apolloMini", "dion", "galore", "kron"],
];

/** Those, and others that decompose matrices, which no graph does either: by what they are refused for. */
export const IN_NO_GRAPH: ReadonlyMap<string, string> = new Map([
  ...RANDOM.map((name) => [name, "none draws random numbers"] as const),
  ["soap", "no operator for `qr`"],
]);

/** The zoo, an optimizer a factory. */
export const zooOptimizers: Readonly<Record<string, () => Optimizer>> = Object.fromEntries(
  (Object.entries(zoo) as [string, unknown][]).flatMap(([name, make]) => {
    if (typeof make !== "function" || !("program" in make)) return [];
    const made = make as OptimizerFactory<Record<string, unknown>>;
    // What Adam takes beside Muon and its kin has options of other names.
    const required = [...made.program.hyper].flatMap(([key, value]) =>
      value === "required" && !key.endsWith("_adam") ? [[key, 0.1] as const] : []
    );
    return [[name, () => made({ ...Object.fromEntries(required), ...OPTIONS[name] })]];
  }),
);

const adam = () => adamw({ learningRate: 0.1 });
const cosine = cosineDecaySchedule({ initValue: 0.1, decaySteps: 4 });
const isMatrix = { b: false, w: true };

/** Wrappers around optimizers, and optimizers for parts of the parameters. */
export const wrapped: Readonly<Record<string, () => Optimizer>> = {
  "applyIfFinite": () => applyIfFinite(adam(), { maxConsecutiveErrors: 2 }),
  "averageSteps": () => averageSteps(adam(), { workers: 2 }),
  "averageParams": () => averageParams(adam(), { decay: schedule("count/(count + 1)") }),
  "conditionallyMask": () =>
    conditionallyMask(adam(), { shouldTransformFn: schedule("where(count < 3, 1, 0)") }),
  "conditionallyTransform": () =>
    conditionallyTransform(adam(), { shouldTransformFn: schedule("count - 2*floor(count/2)") }),
  "dynamicLossScale": () =>
    dynamicLossScale(adam(), { initScale: 8, growthInterval: 2, minScale: 2 }),
  "freeze": () => chain(sgd({ learningRate: 0.1 }), freeze({ b: true, w: false })),
  "lookahead": () => lookahead(adam(), { syncPeriod: 2, slowStepSize: 0.5 }),
  "lookahead that resets": () =>
    lookahead(adam(), { syncPeriod: 2, slowStepSize: 0.5, resetState: true }),
  "masked": () => chain(masked(adam(), isMatrix), sgd({ learningRate: 1 })),
  "a clip within a mask": () => chain(masked(clipByGlobalNorm({ maxNorm: 0.5 }), isMatrix), adam()),
  "mechanize": () => mechanize(sgd({ learningRate: 0.1 })),
  "multiSteps": () => multiSteps(adam(), { everyKSchedule: 2 }),
  "multiSteps by a schedule, of an optimizer by another": () =>
    multiSteps(lion({ learningRate: cosine }), {
      everyKSchedule: schedule("where(count < 1, 1, 2)"),
    }),
  "partition": () =>
    partition(
      { body: lion({ learningRate: 0.1 }), head: sgd({ learningRate: 1, momentum: 0.5 }) },
      {
        b: "head",
        w: "body",
      },
    ),
  "scheduleFree": () => scheduleFree(sgd({ learningRate: 0.25 }), { learningRate: 0.25 }),
  "a named chain that ends on a plateau": () =>
    namedChain({
      clip: clipByGlobalNorm({ maxNorm: 1 }),
      adam: adam(),
      plateau: reduceOnPlateau(),
    }),
  "a mask on the decay of AdamW after Nesterov": () =>
    adamw({ learningRate: cosine, nesterov: true, weightDecay: 0.1, mask: isMatrix }),
};
