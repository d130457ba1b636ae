/** Programs of hundreds of reductions, each of what the one before gave. */
import { explain, type Optimizer, optimizer } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { backends } from "./backends.ts";

function reductions(count: number): Optimizer {
  const each = Array.from({ length: count }, (_, i) => `a = a - ${i + 1}*norm(a)*g`);
  return optimizer({ name: "many", step: ["a = g", ...each, "u = a"].join("\n") })();
}

/** What `a` comes to for gradients of one element: the norm of one number is its magnitude. */
function expected(count: number, g: number): number {
  let a = g;
  for (let i = 1; i <= count; i++) a = a - i * Math.abs(a) * g;
  return a;
}

for (const backend of backends) {
  Deno.test(`a hundred reductions in a row give what they mean (${backend})`, () => {
    const opt = reductions(100).with({ backend });
    const g = Float64Array.of(2 ** -12);
    const [updates] = opt.update(g, opt.init(g));
    assertEquals(updates, Float64Array.of(expected(100, 2 ** -12)));
  });

  Deno.test(`so many that compiling them takes a minute are refused at once (${backend})`, () => {
    const opt = reductions(900).with({ backend });
    const params = Float32Array.of(1);
    const state = opt.init(params);
    const says =
      'Cannot plan optimizer "many": its loops may have at most 250000 operations, and each ' +
      "of its 900 reductions in a row computes anew what it reduces: given 25";
    assertRefused(() => opt.step(params, params, state), says);
    assertRefused(() => explain(opt), says);
  });
}

Deno.test("reductions that do not wait for each other are no operations of each other", () => {
  const each = Array.from({ length: 400 }, (_, i) => `a = a + ${i + 1}*norm(${i + 1}*g)`);
  const opt = optimizer({ name: "wide", step: ["a = 0*g", ...each, "u = a"].join("\n") })();
  const g = Float64Array.of(2);
  const [updates] = opt.update(g, opt.init(g));
  assertEquals(updates[0], 2 * (400 * 401 * 801) / 6);
});
