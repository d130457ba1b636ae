/** Reports: of a search that found nothing, and of a lineage that is long. */
import {
  htmlReport,
  programOf,
  quadraticProxy,
  searched,
  type SearchResult,
  space as makeSpace,
} from "../../search/mod.ts";
import { factory, lion } from "../../mod.ts";
import { toPython } from "../../export/python/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

const found = await searched({ tasks: quadraticProxy(2), budget: { trained: 20 } });
const report = (result: Partial<SearchResult>) =>
  htmlReport({ title: "a & b", result: { ...found, ...result } });

Deno.test("a search that found nothing has a report too", async () => {
  const text = await report({ best: undefined, front: [], heldOut: [], curve: [] });
  assertStringIncludes(text, "<title>a &amp; b</title>");
  assert(!/NaN|undefined|Infinity|<math/.test(text));
});

Deno.test("a report says what wins, shows it, and says it where a grid beats the search", async () => {
  const withGrid = (score: number, heldOut?: number) =>
    htmlReport({
      title: "a grid",
      result: found,
      grids: [{
        name: "lion",
        program: lion.program,
        options: { learningRate: 0.1 },
        score,
        heldOut,
        tried: 24,
      }],
    });
  const beaten = await withGrid(99);
  assertStringIncludes(beaten, "<strong>lion, grid has the best score, 99.000.");
  assertStringIncludes(
    beaten,
    "A grid beats the search: lion, grid scores 99.000 with learningRate",
  );
  assertStringIncludes(beaten, "<td>lion, grid (wins)</td>");
  assertStringIncludes(beaten, "u = -learningRate*(sign(c) + weightDecay*w)\n");
  const bettered = await withGrid(-1, 99);
  assertStringIncludes(bettered, "<strong>evolution has the best score, ");
  assertStringIncludes(bettered, "On the held-out tasks lion, grid is the best, 99.000.");
  assert(!/A grid beats|What wins/.test(bettered));
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
    lineage = { birth, mutation: "insert", score: 1, parent: lineage, founder: -1 };
  }
  const text = await report({ best: { ...best!, lineage } });
  assert(!text.includes("<details open>"));
  assert(text.match(/>insert</g)!.length >= 30);
});

Deno.test("programs are shown as files of torch and of Optax, as they are written", async () => {
  const { best, front } = found;
  const text = await report({});
  const files = Array.from(text.matchAll(/<pre class="file">([^<]*)<\/pre>/g), ([, file]) => file);
  // The best stands in the front too, and is shown once.
  assertEquals(files.length, 2 * front.length);
  const opt = factory(programOf(makeSpace(), best!.genome))({ learningRate: 0.1 });
  const [torch, optax] = (["torch", "optax"] as const).map((to) =>
    toPython(opt, { to, required: ["learningRate"] })
  );
  const shown = files.map((file) =>
    file.replaceAll("&lt;", "<").replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"').replaceAll("&amp;", "&")
  );
  assertEquals(shown.filter((file) => file === torch || file === optax).length, 2);
});
