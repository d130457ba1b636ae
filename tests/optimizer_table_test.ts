/** The tables of optimizers in `docs/optimizers.md` and the README: all are there, with their costs. */
import { BUILT_IN } from "../cli/files.ts";
import { WRAPPERS } from "../cli/files.ts";
import { assertEquals } from "./assert.ts";
import { namesIn, PAGE, README, withSection, withTables } from "./optimizer_table.ts";

const WRITE = "run `deno run -A tests/optimizer_table.ts`";

Deno.test("the README's table is that of `gradus list`", async () => {
  const text = await Deno.readTextFile(README);
  assertEquals(withSection(text), text, WRITE);
});

Deno.test("the page has what the programs keep and cost", async () => {
  const text = await Deno.readTextFile(PAGE);
  assertEquals(withTables(text), text, WRITE);
});

Deno.test("the page has each optimizer and each wrapper once", async () => {
  const names = namesIn(await Deno.readTextFile(PAGE));
  assertEquals(names.sort(), [...BUILT_IN.keys(), ...WRAPPERS].sort());
});
