/** In a page, another compiler of shaders than Deno's gives what the library does. */
import { assertEquals } from "../assert.ts";
import { chromiumTest } from "./chromium.ts";
import { serve } from "./site.ts";

chromiumTest("on the GPU of a page, optimizers step as in the library", async (chromium) => {
  await using site = await serve({ page: "webgpu_page.ts" });
  const visit = await chromium.visit(site.address, { patience: 120_000 });
  const { value, error } = JSON.parse(visit.report);
  assertEquals(error, undefined);
  const wrong = Object.entries(value).filter(([, difference]) => !(difference as number <= 1e-5));
  assertEquals(wrong, []);
  assertEquals(visit.console, []);
}, "webgpu");
