/** Where code may not be made from text, as under a content security policy, optimizers still run. */
import { assert, assertEquals } from "../assert.ts";
import { type Report, report } from "./steps.ts";

async function reportOf(...flags: string[]): Promise<Report> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    // No permission at all: running an optimizer needs none.
    args: ["run", "--no-prompt", ...flags, new URL("./steps.ts", import.meta.url).href],
    env: { NO_COLOR: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("where making code from text is forbidden, steps have the same bits", async () => {
  const forbidden = await reportOf("--v8-flags=--disallow-code-generation-from-strings");
  assertEquals(forbidden.isCodeForbidden, true);
  const free = report();
  assertEquals(free.isCodeForbidden, false);
  assertEquals(forbidden.results, free.results);
  assertEquals(free.results.length, 8);
});

Deno.test("steps need no permission", async () => {
  assertEquals(await reportOf(), report());
});
