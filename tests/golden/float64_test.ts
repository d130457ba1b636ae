/**
 * Float64 parameters against Optax in float64. An error is relative to the number itself, or to a
 * millionth of the largest number in its array where that is more: a parameter that two updates
 * have all but cancelled keeps their error.
 */
import {
  cosineDecaySchedule,
  type LinearScheduleOptions,
  type Optimizer,
  type Schedule,
  type WarmupCosineDecayScheduleOptions,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import {
  type Case,
  casesOf,
  isKnown,
  isScheduled,
  optax64,
  optimizerOf,
  type ScheduleTable,
  type Spec,
  titleOf,
} from "./cases.ts";
import {
  goldenQuadratic,
  goldenStream,
  largestError,
  replayQuadratic,
  replayStream,
} from "./replay.ts";

const TOLERANCE = 1e-12;
const FLOOR = 1e-6;
/** What is further from Optax, because Optax is that far from exact arithmetic. */
const OPTAX_IS_OFF: Readonly<Record<string, number>> = {
  // It subtracts numbers near 2000 whose difference is near 1: in the first step that is rectified,
  // Optax in float64 is 1.1e-11 from exact arithmetic, and this library 2.6e-13.
  radam: 2e-11,
  // Optax gathers gradients in float32 even where all else is float64.
  multi_steps: 2e-12,
  // It takes w from 0.1z + 0.9w, numbers near 1 whose difference is near 1e-4; here it is 0.1(z - w).
  madgrad: 2e-12,
};

/**
 * Optax counts in int32, and what comes of dividing that is float32 even where all else is float64.
 * So is a straight line then, and what is joined to one; a cosine alone is float64.
 */
const AS_OPTAX: ScheduleTable = {
  linear_schedule: linear32,
  warmup_cosine_decay_schedule: (options: WarmupCosineDecayScheduleOptions) => {
    const { initValue, peakValue, warmupSteps, decaySteps, endValue = 0 } = options;
    const warmup = linear32({ initValue, endValue: peakValue, transitionSteps: warmupSteps });
    const cosine = cosineDecaySchedule({
      initValue: peakValue,
      decaySteps: decaySteps - warmupSteps,
      alpha: endValue / peakValue,
    });
    return (count) =>
      count < warmupSteps ? warmup(count) : Math.fround(cosine(count - warmupSteps));
  },
};

/** Adafactor's average of its steps is float32 in Optax, the product with its decay too. */
function toleranceOf({ fn, args }: Spec): number {
  return fn === "adafactor" && args?.momentum !== undefined ? 5e-7 : OPTAX_IS_OFF[fn] ?? TOLERANCE;
}

/** The exponent that gives the decay 1 - t^-0.8 as it is in float32. */
function decay32(): Schedule {
  const f = Math.fround;
  return (count) => {
    const decay = f(1 - f((count + 1) ** f(-0.8)));
    return count === 0 ? 0.8 : -Math.log(1 - decay) / Math.log(count + 1);
  };
}

function linear32({ initValue, endValue, transitionSteps }: LinearScheduleOptions): Schedule {
  const f = Math.fround;
  return (count) => {
    const left = f(1 - f(Math.min(count, transitionSteps) / transitionSteps));
    return f(f(f(initValue - endValue) * left) + f(endValue));
  };
}

/** MADGRAD's weights (γ + ε)√t are float32 too: the step sizes that they come of. */
function madgradStep({ learningRate }: { learningRate: number }): Schedule {
  const [f, eps] = [Math.fround, 1e-6];
  return (count) => f((learningRate + eps) * f(Math.sqrt(count + 1))) / Math.sqrt(count + 1) - eps;
}

/** The optimizer of a case, with Optax's float32 where its float64 has it. */
function asOptax(each: Case): Optimizer {
  if (each.fn === "adafactor") {
    const args = { ...each.args, decay_rate: { fn: "decay32", args: {} } };
    return optimizerOf({ fn: each.fn, args }, { decay32 });
  }
  if (each.fn !== "madgrad") return optimizerOf(each, AS_OPTAX);
  const { learning_rate, ...others } = each.args!;
  const args = { learning_rate: { fn: "madgrad_step", args: { learning_rate } }, ...others };
  return optimizerOf({ fn: each.fn, args }, { madgrad_step: madgradStep });
}

const known = optax64.cases.filter(isKnown);

Deno.test("every case of Lion, AdamW, NAdamW, SGD and clipping is measured", () => {
  const count = (name: string) => known.filter(({ fn }) => fn === name).length;
  const names = ["lion", "adamw", "nadamw", "sgd", "clip_by_global_norm"];
  assertEquals(names.map(count), [7, 1, 1, 3, 1]);
  const chains = known.filter(({ fn }) => fn === "chain").map(titleOf);
  assert(chains.some((title) => title.startsWith("chain(clip_by_global_norm(max_norm=1), lion(")));
});

for (const each of known) {
  const tolerance = toleranceOf(each);
  Deno.test(`${titleOf(each)} is within ${tolerance} of Optax in float64`, () => {
    const opt = asOptax(each).with({ backend: "interpreter" });
    const within = (error: number, what: string) =>
      assert(error <= tolerance, `${what} are off by ${error}`);
    const [stream, quadratic] = [goldenStream(each), goldenQuadratic(each)];
    const updated = replayStream(opt, "float64", "update");
    within(largestError(updated, stream, "updates", FLOOR), "updates");
    within(largestError(updated, stream, "params", FLOOR), "parameters");
    const stepped = replayStream(opt, "float64", "step");
    within(largestError(stepped, stream, "params", FLOOR), "parameters stepped in place");
    for (const manner of ["update", "step"] as const) {
      const steps = replayQuadratic(opt, "float64", manner);
      within(largestError(steps, quadratic, "params", FLOOR), `parameters on Σx² by ${manner}`);
    }
  });
}

for (const each of casesOf(optax64, "lion").filter(isScheduled)) {
  Deno.test(`${titleOf(each)} with this library's schedules is Optax's to float32's last bits`, () => {
    const updated = replayStream(optimizerOf(each), "float64", "update");
    const error = largestError(updated, goldenStream(each), "updates", 1);
    assert(error <= 2 ** -22, `updates are off by ${error}`);
  });
}
