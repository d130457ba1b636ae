/** PyTorch's schedulers against `torch.optim.lr_scheduler` itself: the schedules of zoo2026.json. */
import {
  constantSchedule,
  cosineDecaySchedule,
  cosineOnecycleSchedule,
  cosineRestartsSchedule,
  cyclicSchedule,
  exponentialDecay,
  joinSchedules,
  linearOnecycleSchedule,
  linearSchedule,
  multiplicativeSchedule,
  multiplySchedules,
  piecewiseConstantSchedule,
  polynomialSchedule,
  reduceOnPlateau,
  type Schedule,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { zoo2026, type ZooSchedule } from "./zoo2026.ts";

const TOLERANCE = 1e-12;

type Args = ZooSchedule["args"];

/** A scheduler as one of ours, from the rate `base` on. */
const SCHEDULES: Readonly<Record<string, (args: Args, base: number) => Schedule>> = {
  OneCycleLR: (args) => {
    const options = {
      transitionSteps: args.total_steps,
      peakValue: args.max_lr,
      pctStart: args.pct_start,
      divFactor: args.div_factor,
      finalDivFactor: args.final_div_factor,
      threePhase: args.three_phase,
      like: "torch" as const,
    };
    return args.anneal_strategy === "linear"
      ? linearOnecycleSchedule(options)
      : cosineOnecycleSchedule(options);
  },
  CosineAnnealingLR: (args, base) =>
    cosineDecaySchedule({
      initValue: base,
      decaySteps: args.T_max,
      alpha: args.eta_min / base,
      pastEnd: "rise",
    }),
  CosineAnnealingWarmRestarts: (args, base) =>
    cosineRestartsSchedule({
      initValue: base,
      decaySteps: args.T_0,
      cycleFactor: args.T_mult,
      alpha: args.eta_min / base,
    }),
  CyclicLR: (args) =>
    cyclicSchedule({
      baseValue: args.base_lr,
      peakValue: args.max_lr,
      stepSizeUp: args.step_size_up,
      stepSizeDown: args.step_size_down,
      cycleScale: args.mode === "triangular2" ? 0.5 : 1,
      gamma: args.mode === "exp_range" ? args.gamma : 1,
    }),
  PolynomialLR: (args, base) =>
    polynomialSchedule({
      initValue: base,
      endValue: 0,
      power: args.power,
      transitionSteps: args.total_iters,
    }),
  MultiplicativeLR: ({ table }, base) =>
    multiplicativeSchedule({ initValue: base, factor: (count) => table[count] ?? table.at(-1) }),
  LambdaLR: ({ table }, base) => (count) => base * (table[count] ?? table.at(-1)),
  ConstantLR: (args, base) =>
    joinSchedules({
      schedules: [base * args.factor, base].map((value) => constantSchedule({ value })),
      boundaries: [args.total_iters],
    }),
  LinearLR: (args, base) =>
    linearSchedule({
      initValue: base * args.start_factor,
      endValue: base * args.end_factor,
      transitionSteps: args.total_iters,
    }),
  ExponentialLR: (args, base) =>
    exponentialDecay({ initValue: base, transitionSteps: 1, decayRate: args.gamma }),
  StepLR: (args, base) =>
    exponentialDecay({
      initValue: base,
      transitionSteps: args.step_size,
      decayRate: args.gamma,
      staircase: true,
    }),
  MultiStepLR: ({ milestones, gamma }, base) => {
    const scales: Record<number, number> = {};
    for (const at of milestones) scales[at] = (scales[at] ?? 1) * gamma;
    return piecewiseConstantSchedule({ initValue: base, boundariesAndScales: scales });
  },
  ChainedScheduler: ({ of }, base) =>
    multiplySchedules({
      schedules: of.map(({ fn, args }: ZooSchedule, i: number) =>
        SCHEDULES[fn](args, i === 0 ? base : 1)
      ),
    }),
  SequentialLR: ({ of, milestones }, base) =>
    joinSchedules({
      schedules: of.map(({ fn, args }: ZooSchedule) => SCHEDULES[fn](args, base)),
      boundaries: milestones,
    }),
};

function requireNear(given: number, expected: number, what: string): void {
  const distance = Math.abs(given - expected);
  assert(distance <= TOLERANCE * Math.max(1, Math.abs(expected)), `${what}: off by ${distance}`);
}

for (const { fn, args, base_lr, lr, momentum } of zoo2026.schedules) {
  const named = `${fn}(${JSON.stringify(args)})`;
  if (fn === "ReduceLROnPlateau") {
    Deno.test(`${named} is PyTorch's`, () => {
      const opt = reduceOnPlateau({
        mode: args.mode,
        factor: args.factor,
        patience: args.patience,
        threshold: args.threshold,
        thresholdMode: args.threshold_mode,
        cooldown: args.cooldown,
        minScale: args.min_lr / base_lr,
        like: "torch",
      });
      const params = Float64Array.of(0);
      const state = opt.init(params);
      lr.forEach((expected, t) => {
        requireNear(base_lr * state.scale, expected, `step ${t}`);
        const loss = zoo2026.meta.values[t % zoo2026.meta.values.length];
        const value = args.mode === "max" ? -loss : loss;
        opt.step(params, Float64Array.of(0), state, { value });
      });
    });
    continue;
  }
  Deno.test(`${named} is PyTorch's`, () => {
    const value = SCHEDULES[fn](args, base_lr);
    lr.forEach((expected, t) => requireNear(value(t), expected, `step ${t}`));
    if (momentum === undefined) return;
    // A momentum goes down where the rate goes up.
    const { base_momentum = 0.85, max_momentum = 0.95 } = args;
    const cycled = SCHEDULES[fn](
      fn === "OneCycleLR"
        ? {
          ...args,
          max_lr: base_momentum,
          div_factor: base_momentum / max_momentum,
          final_div_factor: 1,
        }
        : { ...args, base_lr: 0, max_lr: max_momentum - base_momentum },
      1,
    );
    momentum.forEach((expected, t) =>
      requireNear(
        fn === "OneCycleLR" ? cycled(t) : max_momentum - cycled(t),
        expected,
        `momentum of step ${t}`,
      )
    );
  });
}

Deno.test("each scheduler of PyTorch that has a curve has one here", () => {
  const names = new Set(zoo2026.schedules.map(({ fn }) => fn));
  assertEquals(
    [...names].filter((fn) => fn !== "ReduceLROnPlateau" && !Object.hasOwn(SCHEDULES, fn)),
    [],
  );
  assert(names.size === 11);
});
