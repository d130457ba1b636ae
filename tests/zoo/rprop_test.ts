import { rprop, type RpropOptions, scaleByRprop } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { BACKENDS, replayStream } from "../golden/replay.ts";
import { assertDepartsFromOptax, type Rule, testByHand } from "./by_hand.ts";

function rule(options: Required<Omit<RpropOptions, "like">>): Rule {
  const { learningRate, etaMinus, etaPlus, minStepSize, maxStepSize } = options as Record<
    keyof RpropOptions,
    number
  >;
  const [sizes, before]: number[][] = [[], []];
  return (_w, g) =>
    g.map((gradient, i) => {
      sizes[i] ??= learningRate;
      const turn = gradient * (before[i] ?? 0);
      before[i] = gradient;
      if (turn > 0) sizes[i] = Math.min(sizes[i] * etaPlus, maxStepSize);
      if (turn < 0) {
        sizes[i] = Math.max(sizes[i] * etaMinus, minStepSize);
        before[i] = 0;
        return 0;
      }
      return -Math.sign(gradient) * sizes[i];
    });
}

const OPTIONS = {
  learningRate: 0.1,
  etaMinus: 0.5,
  etaPlus: 1.2,
  minStepSize: 1e-6,
  maxStepSize: 50,
};
testByHand("Rprop is the paper's", rprop({ learningRate: 0.1 }), () => rule(OPTIONS));
const bounded = { ...OPTIONS, etaMinus: 0.3, etaPlus: 2, minStepSize: 0.05, maxStepSize: 0.15 };
testByHand("Rprop keeps its steps between its bounds", rprop(bounded), () => rule(bounded));

Deno.test("Rprop takes each step when its gradient says so, not one step later", () => {
  for (const backend of BACKENDS) {
    const scale = scaleByRprop({ learningRate: 0.1 }).with({ backend });
    let state = scale.init(Float64Array.of(0));
    const directions = [1, 1, 1, -1, 1].map((g) => {
      const [updates, next] = scale.update(Float64Array.of(g), state);
      state = next;
      return Number(updates[0].toFixed(12));
    });
    assertEquals(directions, [0.1, 0.12, 0.144, 0, 0.072]);
  }
});

Deno.test("Rprop with each step one later is Optax's", () => {
  assertDepartsFromOptax(rprop.program, "rprop", {
    "s = p*sign(g)": "s = p*sign(g)\nlate = where(s < 0, 0, -h*p)",
    "u = -h*p": "u = late",
  });
});

Deno.test("Rprop may begin with another step size for each parameter", () => {
  const opt = rprop({ learningRate: { b: 0.5, w: 0.25 } });
  const [{ updates }] = replayStream(opt, "float64", "update");
  assertEquals(updates!.b.map(Math.abs), [0.5, 0.5, 0, 0.5]);
  assertEquals(updates!.w.map(Math.abs), Array(6).fill(0.25));
});
