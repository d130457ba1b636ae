/** Yogi with what Optax's transform can be told. */
import { scaleByYogi } from "../../mod.ts";
import { each, filled, type Numbers, testRule } from "./rules.ts";

const options = { b1: 0.8, b2: 0.9, eps: 0.01, epsRoot: 0.02, initialAccumulatorValue: 0.3 };
testRule("Yogi's direction", scaleByYogi(options), () => {
  let m: Numbers, v: Numbers;
  return (w, g, t) => {
    if (t === 1) m = v = filled(0.3, w);
    m = each((m, g) => 0.8 * m + 0.2 * g, m, g);
    v = each((v, g) => v - 0.1 * Math.sign(v - g * g) * g * g, v, g);
    return each(
      (m, v) => m / (1 - 0.8 ** t) / (Math.sqrt(v / (1 - 0.9 ** t) + 0.02) + 0.01),
      m,
      v,
    );
  };
});
