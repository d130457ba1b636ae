/** What wrappers do with the clock and the state of what they wrap, in numbers worked out by hand. */
import {
  applyIfFinite,
  conditionallyMask,
  conditionallyTransform,
  GradusError,
  lookahead,
  mechanize,
  multiSteps,
  type Optimizer,
  optimizer,
  schedule,
  scheduleFree,
  sgd,
} from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

/** Its rate is the number of its step, and half of its momentum stays. */
const counting = sgd({ learningRate: schedule("count + 1"), momentum: 0.5 });

/** Where a parameter that begins at 0 is after each gradient, and the state in the end. */
function run(opt: Optimizer, gradients: readonly number[]): { seen: number[]; state: object } {
  const w = Float64Array.of(0);
  const state = opt.init(w);
  const seen = gradients.map((g) => {
    opt.step(w, Float64Array.of(g), state);
    return w[0];
  });
  return { seen, state };
}

Deno.test("what acts at some counts only counts those, and any number but 0 says that it acts", () => {
  const shouldTransformFn = schedule("where(count == 1, 0, -1)");
  const mask = run(conditionallyMask(counting, { shouldTransformFn }), [1, 1, 1]);
  // Momentum 1, then 1.5 at rate 2; between them nothing moves.
  assertEquals(mask.seen, [-1, -1, -4]);
  assertEquals((mask.state as { innerCount: number }).innerCount, 2);
  const pass = run(conditionallyTransform(counting, { shouldTransformFn }), [1, 1, 1]);
  assertEquals(pass.seen, [-1, 0, -3]);
});

Deno.test("a refused gradient, below all numbers too, moves neither clock nor state of what is wrapped", () => {
  const opt = applyIfFinite(counting, { maxConsecutiveErrors: 2 });
  assertEquals(run(opt, [1, -Infinity, Infinity, 1]).seen, [-1, -1, -1, -4]);
});

Deno.test("lookahead begins what it wraps anew at each synchronisation where it is told to", () => {
  const options = { syncPeriod: 2, slowStepSize: 1 };
  const anew = run(lookahead(counting, { ...options, resetState: true }), [1, 1, 1, 1]);
  assertEquals(anew.seen, [-1, -4, -5, -8]);
  // Momentum 1.75 at rate 3, then 1.875 at rate 4.
  assertEquals(run(lookahead(counting, options), [1, 1, 1, 1]).seen, [-1, -4, -9.25, -16.75]);
});

Deno.test("multiSteps asks its schedule by the steps made, not by the gradients seen", () => {
  const opt = multiSteps(sgd({ learningRate: 1 }), { everyKSchedule: schedule("count + 1") });
  assertEquals(run(opt, [1, 1, 1, 1, 1, 1]).seen, [-1, -1, -2, -2, -2, -3]);
});

Deno.test("a clock goes on where nothing but a schedule reads it any more", () => {
  const unread = optimizer({
    name: "unread",
    hyper: { learningRate: 0.1, isCorrected: false },
    step: "u = -learningRate*where(isCorrected, g/t, g)",
  })({ learningRate: schedule("count + 1") });
  const options = { syncPeriod: 2, slowStepSize: 1, resetState: true };
  assertEquals(run(multiSteps(unread, { everyKSchedule: 2 }), [1, 1, 1, 1]).seen, [0, -1, -1, -3]);
  assertEquals(run(lookahead(unread, options), [1, 1, 1, 1]).seen, [-1, -3, -4, -6]);
  assertEquals(
    run(applyIfFinite(unread, { maxConsecutiveErrors: 2 }), [1, NaN, 1]).seen,
    [-1, -1, -3],
  );
});

Deno.test("scheduleFree weighs by the largest rate so far, and nothing while all were 0", () => {
  const rates = [0, 1, 0.5, 0.25];
  const learningRate = schedule("where(count == 0, 0, 2*0.5^count)");
  const opt = scheduleFree(sgd({ learningRate }), { learningRate, b1: 0.75 });
  const gradients = [1, 2, -3, 1];
  const { seen } = run(opt, gradients);
  let [w, z, peak, total] = [0, 0, 0, 0];
  gradients.forEach((g, i) => {
    const u = -rates[i] * g;
    peak = Math.max(peak, rates[i]);
    total += peak ** 2;
    const c = total > 0 ? peak ** 2 / total : 0;
    w += (1 - 0.75) * u + c * (z - w + 0.75 * u);
    z += u;
    assert(Math.abs(seen[i] - w) <= 1e-12, `${seen[i]} beside ${w}`);
  });
  assertEquals(seen[0], 0);
});

Deno.test("mechanize bets as its paper says, where bets are lost and weights decay too", () => {
  const [decay, eps, first] = [0.5, 1e-8, 1];
  const opt = mechanize(sgd({ learningRate: 1 }), {
    numBetas: 2,
    weightDecay: decay,
    eps,
    sInit: first,
  });
  const gradients = [1, -2, -3, 4, 0.5, -1];
  const w = Float64Array.of(2);
  const state = opt.init(w);
  let x = 2;
  const [m, v, r, s] = [[0, 0], [0, 0], [0, 0], [0, 0]];
  let lost = 0;
  for (const g of gradients) {
    opt.step(w, Float64Array.of(g), state);
    const scale = s[0] + s[1];
    const decayed = g + decay * scale * Math.abs(g) / (Math.abs(x) + eps) * x;
    const delta = (2 - x) / (scale + eps);
    const h = delta * decayed;
    for (const i of [0, 1]) {
      const beta = 1 - 0.1 ** (i + 1);
      m[i] = Math.max(beta * m[i], Math.abs(h) + eps);
      v[i] = beta * beta * v[i] + h * h;
      const bet = beta * r[i] + h * s[i];
      if (bet < 0) lost++;
      r[i] = Math.max(0, bet);
      s[i] = (first / 2 * m[i] + r[i]) / (Math.sqrt(v[i]) + eps);
    }
    x = 2 - (s[0] + s[1]) * (delta + g);
    assert(Math.abs(w[0] - x) <= 1e-9 * Math.abs(x), `${w[0]} beside ${x}`);
  }
  assert(lost > 0, "no bet was lost");
  for (const numBetas of [0, 17, 1.5]) {
    assertThrows(
      () => mechanize(sgd({ learningRate: 1 }), { numBetas }),
      GradusError,
      `\`numBetas\` must be a whole number from 1 to 16: given ${numBetas}`,
    );
  }
});
