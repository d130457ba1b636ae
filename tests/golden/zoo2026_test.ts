/** The rules of 2024 to 2026 against their reference implementations, in float64 to 1e-9. */
import {
  adamp,
  adamuon,
  adamw,
  apollo,
  apolloMini,
  came,
  cautiousAdamw,
  dion,
  dion2,
  fadam,
  galore,
  kron,
  type Matrices,
  muon,
  normuon,
  type NsCoefficients,
  type Optimizer,
  scion,
  shampoo,
  soap,
  spam,
  stableAdamw,
} from "../../mod.ts";
import { assert } from "../assert.ts";
import {
  difference,
  fed,
  type Leaves,
  type Meanwhile,
  type Numbers,
  rateOf,
  tensor,
  transposed,
  write,
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

/** The first axis against all others. */
const ROWS_BY_REST: Matrices = { reductionAxis: 0, outputAxis: [1, 2, 3] };

/** A value for each leaf of a case: its own, or the one for all others. */
const byLeaf = <T>(
  { leaves }: Pick<ZooCase, "leaves">,
  own: Readonly<Record<string, T>>,
  other: T,
) => Object.fromEntries(leaves.map((leaf) => [leaf, own[leaf] ?? other]));

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

/** Kron's modes by their names there. */
const MODES = {
  one_diag: "oneDiag",
  smart_one_diag: "smartOneDiag",
  all_diag: "allDiag",
} as const;

/** Scion's norms by their names there; what is not named is as it is by default. */
const NORMS = {
  Spectral: "spectral",
  Sign: "sign",
  RowNorm: "rowNorm",
  ColNorm: "colNorm",
} as const;

/** APOLLO and GaLore, with the projections that the reference drew or found. */
function projected(each: ZooCase): Played {
  const { args, fn } = each;
  const options = { learningRate: args.lr, ...adamOf(args), scale: args.scale };
  const gamma = args.disable_nl ? Infinity : 1.01;
  const drawn = (columns: string, scale = "") =>
    [`normal(seed, floor(count/updateProjGap))${scale}`, "P", {
      P: { shape: `min(columns, rows) x ${columns}` },
    }] as const;
  const rank = "min(min(r, rows), columns)";
  const opt = fn === "apollo"
    ? fed(apollo.program, ...drawn(rank, `/sqrt(${rank})`))({ ...options, gamma, r: args.rank })
    : fn === "apollo_mini"
    ? fed(apolloMini.program, ...drawn("1"))({ ...options, gamma })
    : fed(galore.program, "P = every(updateProjGap, p, P)\n", "")({ ...options, k: args.rank });
  const { projections } = each.aux as {
    projections: Record<string, { step: number; P: Numbers }[]>;
  };
  return {
    opt,
    meanwhile: (state, t) => {
      for (const [leaf, list] of Object.entries(projections)) {
        const { P } = list.findLast(({ step }) => step <= t)!;
        // It has the long side last, but for matrices with more columns than rows.
        write(state.P, leaf, leaf === "wide" ? tensor(P) : transposed(tensor(P)));
      }
    },
  };
}

const RULES: Readonly<Record<string, (each: ZooCase) => Played | undefined>> = {
  "muon.keller": (each) => ({
    opt: muon({
      ...{ learningRate: rateOf(each), ...muonOf(each.args) },
      matrices: byLeaf<Matrices>(each, { t3: "last two", conv: ROWS_BY_REST }, true),
    }),
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
  adamuon: (each) => ({
    opt: adamuon({
      // Its update of a convolution is scaled by the shortest and the longest axis alone.
      learningRate: byLeaf<number>(each, { conv: each.args.lr * Math.sqrt(6 / 24) }, each.args.lr),
      beta: each.args.momentum,
      eps: each.args.eps,
      nesterov: each.args.nesterov,
      nsSteps: each.args.ns_steps,
      weightDecay: each.args.weight_decay,
      matrices: byLeaf<Matrices>(each, { conv: ROWS_BY_REST }, true),
    }),
  }),
  scion: (each) => {
    const { norm, norm_kwargs: options, momentum, scale, unconstrained } = each.args;
    // It divides by the size 2 of kernels, whose inputs are the other columns.
    const scales = { t3: scale / Math.SQRT2, conv: scale / 2 };
    return {
      opt: scion({
        ...{ learningRate: rateOf(each), momentum, unconstrained, ...options },
        // For vectors every norm is the root mean square.
        norm: NORMS[norm as keyof typeof NORMS],
        scale: byLeaf<number>(each, scales, scale),
        matrices: byLeaf<Matrices>(each, {
          t3: { reductionAxis: 0, outputAxis: [1, 2] },
          conv: ROWS_BY_REST,
        }, true),
      }),
    };
  },
  apollo: projected,
  apollo_mini: projected,
  galore: projected,
  dion: (each) => {
    const { mu, epsilon: eps, rank: r, weight_decay: weightDecay } = each.args;
    const make = fed(dion.program, "q = where(t == 1, normal(seed), q)\n", "");
    const { Q0 } = each.aux as { Q0: Record<string, Numbers> };
    const others = { learningRate_adam: 1, eps_adam: 1, b1_adam: 0, b2_adam: 0 };
    return {
      opt: make({ learningRate: rateOf(each), ...{ mu, eps, r, weightDecay }, ...others }),
      meanwhile: (state, t) => {
        if (t > 0) return;
        for (const [leaf, basis] of Object.entries(Q0)) write(state.q, leaf, tensor(basis));
      },
    };
  },
  dion2: (each) => {
    const { fraction, ef_decay: efDecay, epsilon: eps, weight_decay: weightDecay } = each.args;
    const { adjust_lr: scaling, use_polar_express: isExpress } = each.args;
    return {
      opt: dion2({
        ...{ learningRate: rateOf(each), fraction, efDecay, eps, weightDecay },
        scaling: scaling === null ? "none" : scaling === "rms_norm" ? "rms" : "spectral",
        ...isExpress ? {} : { nsCoeffs: "dion" },
        matrices: "last two",
      }),
    };
  },
  kron: (each) => {
    const { args } = each;
    const { V } = each.aux as { V: Record<string, Record<string, Numbers>> };
    const made = kron({
      learningRate: args.lr,
      maxSizeTriangular: args.max_size_triangular,
      ...args.memory_save_mode === null
        ? {}
        : { memorySaveMode: MODES[args.memory_save_mode as keyof typeof MODES] },
      momentumIntoPrecondUpdate: args.momentum_into_precond_update,
    });
    return {
      opt: fed(made.program, "normal(seed)", "V", { V: 0 })({
        learningRate: rateOf(each),
        b1: args.b1,
        // It does not decay vectors.
        weightDecay: byLeaf<number>(each, { b: 0 }, args.weight_decay),
        preconditionerUpdateProbability: args.preconditioner_update_probability,
        precondLr: args.precond_lr,
        precondInitScale: args.precond_init_scale,
        // It takes all axes but the last for the rows.
        matrices: byLeaf<Matrices>(each, {
          t3: { reductionAxis: [0, 1], outputAxis: 2 },
          conv: { reductionAxis: [0, 1, 2], outputAxis: 3 },
        }, true),
      }),
      // Its balance of the two sides, which it draws, is no matter of what they come to.
      meanwhile: (state, t) => {
        for (const [leaf, drawn] of Object.entries(V)) {
          const now = drawn[t + 1];
          if (now !== undefined) (state.V as Leaves)[leaf].data.set(tensor(now).data);
        }
      },
    };
  },
  shampoo: (each) => {
    const { betas: [b1, b2], beta3, epsilon: eps, grafting } = each.args;
    // Here is no momentum that looks ahead, and nothing for vectors or for more than two sides.
    const leaves = each.leaves.filter((leaf) => MATRICES.includes(leaf));
    if (beta3 >= 0 || each.args.target_parameter_dimensionality === 1) return undefined;
    const start = each.args.start_preconditioning_step;
    return {
      leaves,
      opt: shampoo({
        ...{ learningRate: rateOf(each), b1, b2, eps },
        weightDecay: each.args.weight_decay,
        preconditionFrequency: each.args.precondition_frequency,
        ...start < 0 ? {} : { startPreconditioningStep: start },
        grafting: grafting?.type ?? "none",
        ...grafting?.type === "adam" ? { graftingB2: grafting.beta2 } : {},
        ...grafting === null ? {} : { graftingEps: grafting.epsilon },
      }),
    };
  },
  soap: (each) => {
    const { betas: [b1, b2], shampoo_beta: beta, eps, weight_decay: weightDecay } = each.args;
    const { eigenbases } = each.aux as { eigenbases: Record<string, readonly (Numbers | null)[]> };
    // Here are no bases of vectors, or of more than two sides, and gradients are not normalised.
    const matrices: Readonly<Record<string, Matrices>> = each.args.merge_dims
      ? { t3: "flatten" }
      : {};
    const isOther = (leaf: string) =>
      each.args.normalize_grads || leaf === "b" && each.args.precondition_1d ||
      ["t3", "conv"].includes(leaf) && !each.args.merge_dims;
    const leaves = each.leaves.filter((leaf) => !isOther(leaf));
    return leaves.length === 0 ? undefined : {
      leaves,
      opt: soap({
        ...{ learningRate: rateOf(each), b1, b2, eps, weightDecay },
        ...beta < 0 ? {} : { shampooBeta: beta },
        preconditionFrequency: each.args.precondition_frequency,
        maxPrecondDim: each.args.max_precond_dim,
        matrices: byLeaf<Matrices>({ ...each, leaves }, matrices, true),
      }),
      meanwhile: (state, t) => {
        // It decomposes what is brought nearer here, at the first step.
        if (t !== 1) return;
        for (const leaf of leaves.filter((leaf) => leaf !== "b")) {
          eigenbases[leaf].forEach((basis, side) => {
            if (basis !== null) write([state.A, state.B][side], leaf, tensor(basis));
          });
        }
      },
    };
  },
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
  // It has matrices alone: the momenta of vectors are destroyed there.
  "came.kozistr": (each) => RULES.came(each),
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

/**
 * What this library does not have: NAdamW as timm has it; torch's rules are the matter of other
 * tests.
 */
const ELSEWHERE = /^(nadamw\.timm|torch\..*)$/;

for (const each of zoo2026.cases) {
  if (ELSEWHERE.test(each.fn) || !Object.hasOwn(RULES, each.fn) || each.dtype !== "float64") {
    continue;
  }
  const played = RULES[each.fn](each);
  if (played === undefined) continue;
  const { opt, leaves = each.leaves, meanwhile } = played;
  const common = leaves.filter((name) => each.leaves.includes(name));
  const named = Object.entries(each.args).map(([name, value]) =>
    `${name}=${JSON.stringify(value)}`
  );
  Deno.test(`${each.fn}(${named.join(", ")}) of ${common.join(", ")}`, () => {
    for (const backend of ["interpreter", "js", "wasm"] as const) {
      const largest = difference(opt.with({ backend }), each, common, meanwhile);
      assert(largest <= TOLERANCE, `${backend} is off by ${largest}`);
    }
  });
}
