/** The rules of 2024 to 2026 against their reference implementations, in float64 to 1e-9. */
import {
  adamp,
  adamuon,
  adamw,
  apollo,
  apolloMini,
  came,
  cautiousAdamw,
  fadam,
  type Matrices,
  muon,
  normuon,
  type NsCoefficients,
  type Optimizer,
  scion,
  spam,
  stableAdamw,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import {
  difference,
  fed,
  type Leaves,
  type Meanwhile,
  type Numbers,
  rateOf,
  tensor,
  transposed,
  zoo2026,
  type ZooCase,
} from "./zoo2026.ts";

const TOLERANCE = 1e-9;

/** What a case comes to here. */
interface Played {
  readonly opt: Optimizer;
  /** The leaves of the case that the rule here steps as the reference does; default: all. */
  readonly leaves?: readonly string[];
  readonly meanwhile?: Meanwhile;
}

type Args = ZooCase["args"];

/** Matrices, which Muon and its kin step by themselves. */
const MATRICES = ["sq", "wide", "tall"];

const adamOf = ({ betas: [b1, b2], eps, weight_decay }: Args) => ({
  b1,
  b2,
  eps,
  weightDecay: weight_decay,
});

/** Muon as torch and its author have it: no bias correction, and matrices of outputs x inputs. */
const muonOf = (args: Args) => ({
  beta: args.momentum,
  nesterov: args.nesterov,
  nsSteps: args.ns_steps,
  eps: 1e-7,
  biasCorrection: false,
  scaling: "original" as const,
  weightDecay: args.weight_decay ?? args.wd,
});

/** Scion's norms by their names there; what is not named is as it is by default. */
const NORMS = {
  Spectral: "spectral",
  Sign: "sign",
  RowNorm: "rowNorm",
  ColNorm: "colNorm",
} as const;

/** APOLLO, with the projections that the reference drew. */
function projected(each: ZooCase): Played {
  const { args, fn } = each;
  const { program } = fn === "apollo" ? apollo : apolloMini;
  const rank = fn === "apollo" ? "min(min(r, rows), columns)" : "1";
  const drawn = `normal(seed, floor(count/updateProjGap))${rank === "1" ? "" : `/sqrt(${rank})`}`;
  const make = fed(program, drawn, "projection", { shape: `min(columns, rows) x ${rank}` });
  const { projections } = each.aux as {
    projections: Record<string, { step: number; P: Numbers }[]>;
  };
  return {
    opt: make({
      ...{ learningRate: args.lr, ...adamOf(args), scale: args.scale },
      ...fn === "apollo" ? { r: args.rank } : {},
      gamma: args.disable_nl ? Infinity : 1.01,
    }),
    meanwhile: (state, t) => {
      for (const [leaf, list] of Object.entries(projections)) {
        const { P } = list.findLast(({ step }) => step <= t)!;
        const tensors = state.projection as Leaves;
        const [kept, given] = [tensors[leaf], tensor(P)];
        // It has the long side last, but for matrices with more rows than columns.
        const fits = kept.shape.join() === given.shape.join();
        kept.data.set((fits && leaf === "wide" ? given : transposed(given)).data);
      }
    },
  };
}

const RULES: Readonly<Record<string, (each: ZooCase) => Played | undefined>> = {
  "muon.keller": (each) => ({
    opt: muon({ learningRate: rateOf(each), ...muonOf(each.args), matrices: "last two" }),
    // Its scale of a convolution is that of the last two axes, and its matrix is not.
    leaves: [...MATRICES, "t3"],
  }),
  "muon.torch": (each) => ({
    opt: muon({
      learningRate: rateOf(each),
      ...muonOf(each.args),
      nsCoeffs: each.args.ns_coefficients as NsCoefficients,
      eps: each.args.eps,
      epsAsFloor: true,
      scaling: each.args.adjust_lr_fn === "match_rms_adamw" ? "rms" : "original",
    }),
  }),
  // Its momentum is m/(1 - β), which the norm takes out but for ε.
  "muon.moonlight": (each) => ({
    opt: muon({
      learningRate: rateOf(each),
      ...muonOf(each.args),
      eps: 1e-7 * (1 - each.args.momentum),
      scaling: "rms",
    }),
    leaves: MATRICES,
  }),
  "cwd.muon": (each) => ({
    opt: muon({
      learningRate: rateOf(each),
      ...muonOf({ ...each.args, ns_steps: 5 }),
      epsAsFloor: true,
      cautiousWeightDecay: true,
    }),
  }),
  "cwd.adamw": (each) => ({
    opt: adamw({ learningRate: rateOf(each), ...adamOf(each.args), cautiousWeightDecay: true }),
  }),
  "adamw.timm": (each) => {
    const options = { learningRate: rateOf(each), ...adamOf(each.args) };
    return {
      opt: each.args.caution ? cautiousAdamw(options) : adamw({
        ...options,
        ...each.args.corrected_weight_decay
          ? { weightDecayScaling: "corrected", maxLearningRate: each.args.max_lr }
          : {},
      }),
    };
  },
  // Its means of a convolution are those of the last axis.
  normuon: (each) => ({
    opt: normuon({
      learningRate: rateOf(each),
      beta: each.args.momentum,
      b2: each.args.beta2,
      weightDecay: each.args.weight_decay,
    }),
    leaves: MATRICES,
  }),
  // It rounds the update of a convolution to what its axes multiply to.
  adamuon: (each) => ({
    opt: adamuon({
      learningRate: rateOf(each),
      beta: each.args.momentum,
      eps: each.args.eps,
      nesterov: each.args.nesterov,
      nsSteps: each.args.ns_steps,
      weightDecay: each.args.weight_decay,
    }),
    leaves: MATRICES,
  }),
  scion: (each) => {
    const { norm, norm_kwargs: options, momentum, scale, unconstrained } = each.args;
    // For vectors, and for matrices that it is not of, every norm is the root mean square.
    const name = NORMS[norm as keyof typeof NORMS];
    return {
      opt: scion({
        learningRate: rateOf(each),
        norm: name,
        momentum,
        scale,
        unconstrained,
        ...options,
      }),
      leaves: ["b", ...MATRICES],
    };
  },
  apollo: projected,
  apollo_mini: projected,
  stableadamw: (each) => {
    const { decouple_lr: isRelative, max_lr: maxLearningRate } = each.args;
    return {
      opt: stableAdamw({
        learningRate: rateOf(each),
        ...adamOf(each.args),
        ...isRelative ? { weightDecayScaling: "relative", maxLearningRate } : {},
      }),
    };
  },
  spam: (each) => ({
    opt: spam({
      learningRate: rateOf(each),
      ...adamOf(each.args),
      threshold: each.args.threshold,
      deltaT: each.args.DeltaT,
      warmupSteps: each.args.warmup_steps,
      gradAccuSteps: each.args.grad_accu_steps,
    }),
  }),
  came: (each) => {
    const { betas: [b1, b2, b3], eps: [eps1, eps2] } = each.args;
    return {
      opt: came({
        learningRate: rateOf(each),
        ...{ b1, b2, b3, eps1, eps2 },
        clipThreshold: each.args.clip_threshold,
        weightDecay: each.args.weight_decay,
      }),
    };
  },
  fadam: (each) => ({
    opt: fadam({
      learningRate: rateOf(each),
      ...adamOf(each.args),
      p: each.args.p,
      clipThreshold: each.args.clip,
    }),
  }),
  adamp: (each) => {
    const { delta, wd_ratio: wdRatio, nesterov, caution } = each.args;
    return {
      opt: adamp({
        learningRate: rateOf(each),
        ...adamOf(each.args),
        ...{ delta, wdRatio, nesterov, caution },
      }),
    };
  },
};

/** Rules that this library does not have, or that another test holds to these numbers. */
const ELSEWHERE = /^(torch\.|came\.kozistr$)/;

const NOT_YET = /x/;

for (const each of zoo2026.cases) {
  if (ELSEWHERE.test(each.fn) || each.dtype !== "float64") continue;
  const named = Object.entries(each.args).map(([name, value]) => `${name}=${value}`).join(", ");
  if (!Object.hasOwn(RULES, each.fn)) continue;
  Deno.test(`${each.fn}(${named}) of ${each.leaves.join(", ")}`, () => {
    const { opt, leaves = each.leaves, meanwhile } = RULES[each.fn](each)!;
    const common = leaves.filter((name) => each.leaves.includes(name));
    for (const backend of ["interpreter", "js", "wasm"] as const) {
      const largest = difference(opt.with({ backend }), each, common, meanwhile);
      assert(largest <= TOLERANCE, `${backend} is off by ${largest}`);
    }
  });
}
