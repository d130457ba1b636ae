/** Every number of the zoo that a direction or a division rests on has a domain. */
import { BUILT_IN } from "../../cli/files.ts";
import { factory } from "../../mod.ts";
import { requiredOf } from "../../runtime/required.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";

/** What may be any number: steps go either way, and what is added has either sign. */
const FREE = new Set([
  ...["learningRate", "stepSize", "stepSizeFn", "scaleFactor", "globalScale", "scaling"],
  ...["weightDecay", "weightDecayRate", "lowerBound", "fMin", "gamma", "decayOffset"],
  ...["weightLrPower", "signDecay"],
]);

/** Powers and factors that have either sign in some optimizers, and a domain in others. */
const FREE_IN = new Map([
  ["optimisticGradientDescent", ["alpha", "beta"]],
  ["scaleByOptimisticGradient", ["alpha", "beta"]],
  ["optimisticAdamV2", ["alpha", "beta"]],
  ["addSign", ["alpha"]],
]);

for (const [name, { program }] of BUILT_IN) {
  const { hyper, domains } = program;
  const numbers = [...hyper].filter(([, value]) => typeof value !== "boolean");

  Deno.test(`${name}: each hyperparameter has a domain, or may be any number`, () => {
    const without = numbers.map(([each]) => each).filter((each) => !domains.has(each));
    const others = FREE_IN.get(name) ?? [];
    const isFree = (each: string) => FREE.has(each.replace("_adam", "")) || others.includes(each);
    assertEquals(without.filter((each) => !isFree(each)), []);
  });

  const bounded = [...domains].filter(([, { least }]) => least > -Infinity);
  if (bounded.length === 0) continue;
  Deno.test(`${name} refuses what is below ${bounded.map(([each]) => each).join(", ")}`, () => {
    const given = requiredOf(program, 1);
    factory(program)(given);
    for (const [each, { text, least }] of bounded) {
      assert(text === text.trim());
      assertRefused(
        () => factory(program)({ ...given, [each]: least - 1 }),
        `Cannot make "${name}": hyperparameter \`${each}\` must be a `,
        `number in ${text.replace("integer ", "")}: given ${least - 1}`,
      );
    }
  });
}
