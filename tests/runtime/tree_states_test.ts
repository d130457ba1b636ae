/** A state that is kept once for the tree is computed by hyperparameters that are one for the tree. */
import { GradusError, type HyperValue, multiSteps, optimizer, sgd } from "../../mod.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const counted = optimizer({
  name: "counted",
  hyper: { rate: 0.5, start: 1, gain: 1 },
  state: { total: { over: "tree", init: "start" } },
  step: `
    total = rate*total + globalSum(gain*g)
    u = -total*g
  `,
});
const tree = (a: number, b: number) => ({ a: Float32Array.of(a), b: Float32Array.of(b) });

Deno.test("a hyperparameter that differs between leaves is refused where a state of the tree reads it", () => {
  const refused: readonly (readonly [Record<string, HyperValue>, ...string[]])[] = [
    [{ rate: { a: 0.5, b: 0.25 } }, "`rate`", "`total`", "given 0.5 at `a` and 0.25 at `b`"],
    [{ start: { a: 1, b: 2 } }, "`start`", "`total`", "given 1 at `a` and 2 at `b`"],
    [{ rate: { a: () => 0.5, b: () => 0.5 } }, "`rate`", "at `a` and", "at `b`"],
  ];
  for (const [options, ...parts] of refused) {
    assertThrows(
      () => counted(options).init(tree(0, 0)),
      GradusError,
      'Cannot initialise "counted"',
      ...parts,
    );
  }
  const each = multiSteps(sgd({ learningRate: 1 }), { everyKSchedule: { a: 1, b: 2 } });
  assertThrows(() => each.init(tree(0, 0)), GradusError, "`everyKSchedule`", "`miniStep`");
});

Deno.test("one that is written so into the state is refused, and nothing is computed", () => {
  const opt = counted();
  const params = tree(1, 1);
  const state = opt.init(params);
  state.hyper.rate = { a: 0.5, b: 0.25 };
  assertThrows(
    () => opt.step(params, tree(1, 1), state),
    GradusError,
    "Cannot step",
    "`rate` must be one for all parameters",
  );
  assertEquals([params, state.total, state.count], [tree(1, 1), 1, 0]);
  // The leaves are in groups of their own already.
  const apart = counted({ gain: { a: 1, b: 2 } });
  const other = apart.init(params);
  other.hyper.rate = { a: 0.5, b: 0.25 };
  assertThrows(() => apart.step(params, tree(1, 1), other), GradusError, "`rate`");
});

Deno.test("reductions over the tree may take what differs between leaves", () => {
  const same = { a: 0.5, b: 0.5 };
  const opt = counted({ gain: { a: 1, b: 2 }, rate: same }).with({ backend: "interpreter" });
  const params = tree(0, 0);
  const state = opt.init(params);
  opt.step(params, tree(1, 4), state);
  assertEquals(state.total, 0.5 + 1 + 8);
  assertEquals(params, tree(-9.5, -38));
});
