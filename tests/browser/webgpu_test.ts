/** In a page, another compiler of shaders than Deno's gives what the library does. */
import { assert, assertEquals } from "../assert.ts";
import { chromiumTest } from "./chromium.ts";
import type { Differences, Report } from "./webgpu_page.ts";
import { serve } from "./site.ts";

chromiumTest(
  "on the GPU of a page, optimizers step as in the library, with subgroups and without",
  async (chromium) => {
    await using site = await serve({ page: "webgpu_page.ts" });
    const visit = await chromium.visit(site.address, { patience: 120_000 });
    const { value, error }: { readonly value: Report; readonly error?: string } = JSON.parse(
      visit.report,
    );
    assertEquals(error, undefined);
    const assertNear = ({ of }: Differences) =>
      assertEquals(Object.entries(of).filter(([, difference]) => !(difference <= 1e-5)), []);
    assertNear(value.without);
    assertEquals(value.without.shuffling, 0);
    if (value.with === undefined) console.log("Not tested: the adapter has no subgroups");
    else {
      assertNear(value.with);
      assert(value.with.shuffling > 5);
    }
    assertEquals(visit.console, []);
  },
  "webgpu",
);
