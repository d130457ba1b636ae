/** The example in Python: generated files test themselves and train a transformer for a few steps. */
import { pictureOf, tableOf, trained } from "../../examples/python/main.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { pythonThatHas } from "../export/python/interpreter.ts";

const python = await pythonThatHas(["torch"]);

Deno.test({
  name: "a transformer is trained with generated files",
  ignore: python === undefined,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const plan = { steps: 4, every: 2, rates: 1, seeds: [1] };
    try {
      const results = await trained(python!, folder, plan);
      assertEquals(results.map(({ name }) => name), ["AdamW", "Lion", "found"]);
      for (const { name, runs: [curve] } of results) {
        assertEquals(curve.map(([step]) => step), [0, 2, 4]);
        assert(curve[2][1] < curve[0][1], `${name}: ${curve}`);
      }
      assertStringIncludes(tableOf(results), "| Lion | ");
      assertStringIncludes(await pictureOf(results, plan), "<svg");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
