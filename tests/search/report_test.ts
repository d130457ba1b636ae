/** Reports: of a search that found nothing, and of a lineage that is long. */
import { htmlReport, quadraticProxy, searched, type SearchResult } from "../../search/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

const found = await searched({ tasks: quadraticProxy(2), budget: { trained: 20 } });
const report = (result: Partial<SearchResult>) =>
  htmlReport({ title: "a & b", result: { ...found, ...result } });

Deno.test("a search that found nothing has a report too", async () => {
  const text = await report({ best: undefined, front: [], heldOut: [], curve: [] });
  assertStringIncludes(text, "<title>a &amp; b</title>");
  assert(!/NaN|undefined|Infinity|<math/.test(text));
});

Deno.test("the paper's shares are levels beside the curves", async () => {
  const shares = (await report({})).split('aria-label="share against programs made"')[1];
  const [svg] = shares.split("</svg>");
  assertEquals(svg.match(/class="curve"/g)?.length, 2);
  assertEquals(svg.match(/class="curve dashed"/g)?.length, 2);
  assertStringIncludes(shares, "89.1 % known, 69.8 % redundant");
});

Deno.test("a long lineage is folded", async () => {
  const { best } = found;
  let { lineage } = best!;
  assertStringIncludes(await report({}), "<details open>");
  for (let birth = 0; birth < 30; birth++) {
    lineage = { birth, mutation: "insert", score: 1, parent: lineage };
  }
  const text = await report({ best: { ...best!, lineage } });
  assert(!text.includes("<details open>"));
  assert(text.match(/>insert</g)!.length >= 30);
});
