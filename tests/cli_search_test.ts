/** `gradus search`: what it prints, writes and refuses. */
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";
import { main } from "../cli.ts";
import { parseYaml } from "../dsl/yaml.ts";

async function run(
  ...args: string[]
): Promise<{ code: number; lines: string[]; errors: string[] }> {
  const [lines, errors]: string[][] = [[], []];
  const code = await main(
    ["search", ...args],
    (line) => lines.push(line),
    (line) => errors.push(line),
  );
  return { code, lines, errors };
}

Deno.test("a search prints a program that reads back, and writes a report; a checkpoint ends it at once", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const args = ["--trained", "60", "--workers", "0", "--checkpoint", `${folder}/run.json`];
    const first = await run("heavy", ...args, "--baselines", "-o", `${folder}/report.html`);
    assertEquals([first.code, first.errors], [0, []]);
    const text = first.lines.find((line) => line.startsWith("name: found"))!;
    assertEquals(parseYaml(text).name, "found");
    assert(first.lines.some((line) => line.startsWith("adamw, best of a grid: ")));
    const report = await Deno.readTextFile(`${folder}/report.html`);
    for (
      const part of ["<h1>Search of optimizers: heavy, seed 1</h1>", "random 4x", "lion, grid"]
    ) {
      assertStringIncludes(report, part);
    }
    assertEquals(report.match(/<svg/g)?.length, 3);
    const again = await run("heavy", ...args);
    assertEquals(again.lines.find((line) => line.startsWith("name: found")), text);
    const other = await run("gaussian", ...args);
    assertEquals(other.code, 1);
    assertStringIncludes(other.errors[0], "its checkpoint is of other tasks");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("tasks come from a file; what is wrong with it or the options is said", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const task = { kind: "quadratic", size: 16, steps: 30 };
    await Deno.writeTextFile(path, JSON.stringify({ tasks: [task], population: 20 }));
    assertEquals((await run(path, "--trained", "30", "--workers", "0")).code, 0);
    await Deno.writeTextFile(path, JSON.stringify({ tasks: [{ ...task, size: 10 }] }));
    assertStringIncludes((await run(path)).errors[0], "`size` must be a multiple of `block`");
    await Deno.writeTextFile(path, JSON.stringify({ tasks: 3 }));
    assertStringIncludes((await run(path)).errors[0], "`tasks` must be a list of quadratics");
    await Deno.writeTextFile(path, "tasks");
    assertStringIncludes((await run(path)).errors[0], "it is no JSON");
  } finally {
    await Deno.remove(path);
  }
  assertStringIncludes((await run("haevy")).errors[0], "neither heavy nor gaussian nor a file");
  const bad = await run("heavy", "--trained", "many");
  assertEquals(bad.code, 2);
  assertStringIncludes(bad.errors[0], "--trained takes a whole number from 1 on: given many");
  assertStringIncludes((await run()).errors[0], "`search` needs tasks");
});
