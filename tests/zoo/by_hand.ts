/** Runs optimizers beside their papers' rules worked by hand, in plain numbers. */
import { factory, type Optimizer, parseProgram, printProgram, type Program } from "../../mod.ts";
import { assert } from "../assert.ts";
import { casesOf, optax64 } from "../golden/cases.ts";
import {
  BACKENDS,
  goldenStream,
  type Leaves,
  type Precision,
  replayStream,
  type Step,
  streamGradients,
  streamParams,
} from "../golden/replay.ts";

/** What one tensor's rule gives for its parameters and gradients at step `t`, from 1. */
export type Rule = (w: readonly number[], g: readonly number[], t: number) => number[];

const STEPS = 6;
/** Relative to the largest number of an array: only the order of operations differs. */
const TOLERANCE: Readonly<Record<Precision, number>> = { float64: 1e-12, float32: 1e-5 };

/**
 * Tests that `opt` follows `rule` on the golden stream, with every backend in either precision.
 * `rule` makes the rule of one tensor, with its state at the start.
 */
export function testByHand(title: string, opt: Optimizer, rule: (tensor: "b" | "w") => Rule): void {
  for (const backend of BACKENDS) {
    for (const precision of ["float64", "float32"] as const) {
      Deno.test(`${title}, in ${precision} on ${backend}`, () => {
        const given = opt.with({ backend });
        const expected = workedByHand(rule);
        const updated = replayStream(given, precision, "update");
        assertNear(updated, expected, "updates", precision);
        assertNear(updated, expected, "params", precision);
        const stepped = replayStream(given, precision, "step");
        assertNear(stepped, expected, "params", precision);
      });
    }
  }
}

function workedByHand(rule: (tensor: "b" | "w") => Rule): Step[] {
  const start = streamParams("float64");
  let params: Leaves = { b: [...start.b], w: [...start.w.data] };
  const rules = { b: rule("b"), w: rule("w") };
  return Array.from({ length: STEPS }, (_, count) => {
    const { b, w } = streamGradients("float64", count);
    const updates = {
      b: rules.b(params.b, [...b], count + 1),
      w: rules.w(params.w, [...w.data], count + 1),
    };
    const sum = (name: "b" | "w") => params[name].map((value, i) => value + updates[name][i]);
    params = { b: sum("b"), w: sum("w") };
    return { updates, params };
  });
}

function assertNear(
  actual: readonly Step[],
  expected: readonly Step[],
  part: "updates" | "params",
  precision: Precision,
): void {
  expected.forEach((step, t) => {
    for (const [name, numbers] of Object.entries(step[part]!)) {
      const scale = Math.max(...numbers.map(Math.abs));
      numbers.forEach((number, i) => {
        const given = actual[t][part]![name][i];
        assert(
          Math.abs(given - number) <= TOLERANCE[precision] * scale,
          `${part}.${name}[${i}] at step ${t + 1} is ${given}, by hand ${number}`,
        );
      });
    }
  });
}

/**
 * Fails unless `program`, with parts of its step replaced by what Optax has in their stead, is on
 * Optax's trajectory, and is not without that.
 */
export function assertDepartsFromOptax(
  program: Program,
  name: string,
  byOptax: Readonly<Record<string, string>>,
): void {
  const document = printProgram(program);
  const step = Object.entries(byOptax).reduce((text, [ours, theirs]) => {
    assert(text.includes(ours), `no ${ours} in ${text}`);
    return text.replace(ours, theirs);
  }, document.step);
  const altered = { ...document, step };
  const cases = casesOf(optax64, name);
  assert(cases.length > 0);
  for (const each of cases) {
    const errorOf = (from: Program) => {
      const options = Object.fromEntries(
        Object.entries(each.args ?? {}).map(([key, value]) => [
          key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
          value,
        ]),
      );
      const steps = replayStream(factory(from)(options), "float64", "update");
      return Math.max(
        ...goldenStream(each).flatMap(({ updates }, t) =>
          Object.entries(updates!).flatMap(([leaf, numbers]) =>
            numbers.map((number, i) => {
              const distance = Math.abs(steps[t].updates![leaf][i] - number);
              return distance === 0 ? 0 : distance / Math.abs(number);
            })
          )
        ),
      );
    };
    const errors = [errorOf(parseProgram(altered)), errorOf(program)];
    assert(errors[0] <= 1e-11 && errors[1] > 1e-3, `errors are ${errors}`);
  }
}
