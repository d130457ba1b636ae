/** Rows of the table by law: one loop over what each operator may be given. */
import fc from "fast-check";
import { assert } from "../../assert.ts";
import { FAMILIES } from "./cases.ts";
import { IMAGE_FAMILIES } from "./image_cases.ts";
import { holds } from "./law.ts";

for (const [family, cases] of Object.entries({ ...FAMILIES, ...IMAGE_FAMILIES })) {
  Deno.test(`gradients of ${family} operators are what central differences are`, async (t) => {
    for (const [name, drawn] of Object.entries(cases)) {
      await t.step(name, async () => {
        let open = 0;
        await fc.assert(
          fc.asyncProperty(drawn, fc.nat(), async (each, seed) => {
            const op = name.split(" ")[0];
            await holds(op, each, false, seed);
            if (await holds(op, each, true, seed)) open++;
          }),
          { seed: 1, numRuns: 8, endOnFailure: false },
        );
        assert(open > 0, `${name} was never tried with sizes that are known when it runs`);
      });
    }
  });
}
