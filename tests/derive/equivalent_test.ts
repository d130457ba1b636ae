import { equivalent, simplify } from "../../search/derive/mod.ts";
import { factory, fixed, parseProgram, type Program } from "../../mod.ts";
import * as zoo from "../../zoo/mod.ts";
import { assert, assertEquals } from "../assert.ts";

const { adam, adamw, lion, nadam, rmsprop, sgd, signum } = zoo;

function by(first: Program, second: Program, options = {}): string {
  const found = equivalent(first, second, options);
  if (!found.equivalent) return "not";
  return found.by === "form" ? found.under : "probes";
}

Deno.test("signum is Lion with one coefficient and no decay", () => {
  const both = fixed(lion, { name: "both" }, { b1: 0.9, b2: 0.9, weightDecay: 0 });
  assertEquals(by(both.program, fixed(signum, { name: "one" }, { beta: 0.9 }).program), "exact");
  const other = fixed(signum, { name: "other" }, { beta: 0.8 });
  assertEquals(by(both.program, other.program), "not");
});

Deno.test("Nadam is Adam that looks ahead", () => {
  const ahead = fixed(adam, { name: "ahead" }, { nesterov: true });
  assertEquals(by(nadam.program, ahead.program), "exact");
});

Deno.test("RMSProp with bias correction is Adam without momentum", () => {
  const still = fixed(adam, { name: "still" }, { b1: 0, nesterov: false, epsRoot: 0 });
  const rms = fixed(rmsprop, { name: "rms" }, {
    ...{ centered: false, momentum: 0, nesterov: false, initialScale: 0 },
    ...{ epsInSqrt: false, biasCorrection: true, traceOfSteps: true },
  });
  const found = equivalent(still.program, rms.program);
  assert(found.equivalent && found.by === "form" && found.under === "relaxed");
  assertEquals(found.names.get("decay"), "b2");
});

Deno.test("programs are the same up to names and the order of operands", () => {
  const first = parseProgram({
    name: "first",
    hyper: { rate: 0.1, past: 0.9 },
    state: { a: 0 },
    step: "a = past*a + (1 - past)*g\nu = -rate*(a/(abs(a) + 1))",
  });
  const second = parseProgram({
    name: "second",
    hyper: { past: 0.5, rate: 1 },
    state: { kept: 0 },
    step: "x = g*(1 - past) + kept*past\nu = -(rate*(x/(1 + abs(x))))\nkept = x",
  });
  const found = equivalent(first, second);
  assert(found.equivalent && found.by === "form");
  assertEquals(found.names.get("kept"), "a");
  assertEquals(by(first, second, { renamed: { past: "past", kept: "a" } }), found.under);
  // Names may be paired the wrong way round by whoever says how.
  assertEquals(by(first, second, { renamed: { past: "rate", rate: "past" } }), "not");
});

Deno.test("what is expanded, and what is not, is the same in real numbers", () => {
  const step = (text: string) => parseProgram({ name: "p", hyper: { k: 2 }, step: `u = ${text}` });
  assertEquals(by(step("k*(g + w)"), step("k*g + w*k")), "relaxed");
  assertEquals(by(step("(g + w)*(g - w)"), step("g^2 - w^2")), "relaxed");
  assertEquals(by(step("g/(2*k)"), step("0.5*g/k")), "relaxed");
  assertEquals(by(step("sign(3*g - 3*w)"), step("-sign(w - g)")), "relaxed");
  assertEquals(by(step("k*(g + w)"), step("k*g + w")), "not");
  assertEquals(by(step("sqrt(g^2)"), step("g")), "not");
});

Deno.test("what no form shows, probes may", () => {
  const step = (text: string) => parseProgram({ name: "p", step: `u = ${text}` });
  const found = equivalent(step("max(g, -g)"), step("abs(g)"));
  assert(found.equivalent && found.by === "probes" && found.compared > 1000);
});

Deno.test("programs that differ have the least witness, and it holds", () => {
  const pairs: readonly (readonly [Program, Program])[] = [
    [adam.program, adamw.program],
    [fixed(lion, { name: "bare" }, { weightDecay: 0 }).program, signum.program],
    [adam.program, nadam.program],
    [sgd.program, lion.program],
    [zoo.amsgrad.program, adam.program],
    [zoo.lars.program, sgd.program],
  ];
  for (const [first, second] of pairs) {
    const found = equivalent(first, second);
    assert(!found.equivalent, `${first.name} ${second.name}`);
    const { witness } = found;
    assertEquals(witness.gradients.length, witness.step);
    assertEquals(witness.params.length, 1);
    const updates = [first, second].map((program) => {
      const own = Object.entries(witness.hyper).filter(([name]) => program.hyper.has(name));
      const opt = factory(program)(Object.fromEntries(own));
      const params = Float64Array.from(witness.params);
      let state = opt.init(params);
      let last = 0;
      for (const gradient of witness.gradients) {
        const [update, next] = opt.update(Float64Array.from(gradient), state, params);
        state = next;
        [last] = update;
        params[0] += last;
      }
      return last;
    });
    assertEquals(updates, [...witness.updates], `${first.name} ${second.name}`);
    assert(updates[0] !== updates[1]);
  }
  const [[first, second]] = pairs;
  const found = equivalent(first, second);
  // Decay is seen at the first step, without any gradient, on a parameter that is not 0.
  assert(!found.equivalent);
  assertEquals([found.witness.step, found.witness.gradients, found.witness.params], [1, [[0]], [
    1,
  ]]);
});

Deno.test("every optimizer of the library is the same when it is simplified", () => {
  for (const each of Object.values(zoo as Record<string, unknown>)) {
    if (typeof each !== "function" || !("program" in each)) continue;
    const program = each.program as Program;
    const { program: simple } = simplify(program, { allow: "relaxed" });
    const found = equivalent(program, simple, { steps: 12, seeds: 1, tolerance: 1e-6 });
    assert(found.equivalent, `${program.name}: ${JSON.stringify(found)}`);
  }
});
