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
    const args = ["--trained", "30", "--workers", "0", "--checkpoint", `${folder}/run.json`];
    const first = await run("heavy", ...args, "-o", `${folder}/report.html`);
    assertEquals([first.code, first.errors], [0, []]);
    const text = first.lines.find((line) => line.startsWith("name: found"))!;
    assertEquals(parseYaml(text).name, "found");
    assert(first.lines.some((line) => line.startsWith("adamw, best of a grid: ")));
    const report = await Deno.readTextFile(`${folder}/report.html`);
    for (
      const part of [
        "<h1>Search of optimizers: heavy, seed 1</h1>",
        "random 4x",
        "constants of lion",
        "lion, grid",
        ">10 times larger</th>",
      ]
    ) {
      assertStringIncludes(report, part);
    }
    assertEquals(report.match(/<svg/g)?.length, 3);
    // The best program and the others of the front, each typeset beside its source; and what wins.
    const [, winner] = /<td>([^<]*) \(wins\)<\/td>/.exec(report)!;
    assertStringIncludes(report, `<strong>${winner} has the best score, `);
    assertEquals(report.includes(`<h2>What wins: ${winner}</h2>`), winner !== "evolution");
    const others = report.replace(/<h2>What wins: .*?(?=<h2>)/s, "");
    const members = others.match(/<h3>/g)!.length;
    assertEquals(others.match(/<math display="block"/g)?.length, members);
    assertEquals(others.match(/u = -update<\/pre>/g)?.length, members);
    assertStringIncludes(report, "Constants in equations are rounded to 4 digits");
    assert(!report.includes("\\leftarrow") && !/(src|href)=/.test(report));
    const again = await run("heavy", ...args);
    assertEquals(again.lines.find((line) => line.startsWith("name: found")), text);
    const other = await run("gaussian", ...args);
    assertEquals(other.code, 1);
    assertStringIncludes(other.errors[0], "it is of other tasks or options");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("tasks come from a module; what is wrong with it or the options is said", async () => {
  const folder = await Deno.makeTempDir();
  const entry = JSON.stringify(new URL("../search/mod.ts", import.meta.url).href);
  let written = 0;
  const given = async (text: string, ...args: string[]) => {
    const path = `${folder}/${written++}.ts`;
    await Deno.writeTextFile(path, `import { quadratic } from ${entry};\n${text}`);
    return run(path, "--workers", "0", ...args);
  };
  const hostile = new URL("./search/hostile_task.ts", import.meta.url).href;
  const small = "quadratic({ size: 16, steps: 30 })";
  try {
    const text = `export default { tasks: [${small}], population: 20, budget: { generated: 40 } };`;
    const own = await given(text);
    assertEquals([own.code, own.errors], [0, []]);
    assertEquals(own.lines[0], "search: trains in this thread, which works on it alone");
    assertStringIncludes(own.lines[1], "of 40 ");
    assertStringIncludes((await given(text, "--trained", "70")).lines[1], "search: 100 % · 7");
    const task = { kind: "module", name: "own", url: hostile, options: { behaviour: "exits" } };
    const module = await given(
      `export default { tasks: [${JSON.stringify({ ...task, steps: 10, seeds: [1] })}],
        population: 20, window: 4, seed: 5, budget: { trained: 2 } };`,
      "--workers",
      "1",
    );
    assertEquals([module.code, module.errors], [0, []]);
    assertEquals(module.lines[0], "search: trains in 1 process");
    assert(/ · \d lost with their worker$/.test(module.lines[1]), module.lines[1]);
    const { errors } = await given("export default { tasks: [quadratic({ size: 10 })] };");
    assertStringIncludes(errors[0], "`size` must be a multiple of `block`");
    const steps = await given(`export default { tasks: [{ ...${small}, steps: 0.5 }] };`);
    assertStringIncludes(
      steps.errors[0],
      "`steps` must be a whole number from 1 to 1000000: given 0.5",
    );
    const none = await given("export const tasks = [];");
    assertStringIncludes(none.errors[0], "its default export must be the options of a search");
    const broken = await given("export default {");
    assertStringIncludes(
      broken.errors[0],
      "neither heavy nor gaussian nor proxies nor a module that loads",
    );
    assertEquals(broken.code, 1);
    const thrown = await given("throw 'a text';\nexport default {};");
    assertStringIncludes(thrown.errors[0], "nor a module that loads: a text");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  assertStringIncludes((await run("haevy")).errors[0], "nor a module that loads");
  const bad = await run("heavy", "--trained", "many");
  assertEquals(bad.code, 2);
  assertStringIncludes(bad.errors[0], "--trained takes a whole number from 1 on: given many");
  assertStringIncludes((await run()).errors[0], "`search` needs tasks");
  const nats = ["--nats", "nats://127.0.0.1:9"];
  for (
    const [args, reason] of [
      [["--run", "a"], "--run needs --nats"],
      [["--queue", "a"], "--queue needs --nats"],
      [[...nats, "--run", "a", "--checkpoint", "out.json"], "two places for the same"],
      [[...nats, "--workers", "2"], "an option of `gradus worker`"],
    ] as const
  ) {
    const { code, errors } = await run("heavy", ...args);
    assertEquals(code, 2);
    assertStringIncludes(errors[0], reason);
  }
  const away = await run("heavy", ...nats);
  assertEquals(away.code, 1);
  assertStringIncludes(away.errors[0], "Cannot connect to the NATS server `nats://127.0.0.1:9`");
});

Deno.test("where nothing can be written, or workers are too many, is said before the search", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const report = `${folder}/report.html`;
    await Deno.writeTextFile(report, "as it was");
    for (const place of [`${folder}/missing/file`, folder, `${folder}/`, `${report}/file`, ""]) {
      for (const option of ["-o", "--checkpoint"]) {
        const { code, lines, errors } = await run("heavy", "--workers", "0", option, place);
        assertEquals([code, lines], [1, []]);
        assert(errors[0].startsWith(`gradus: Cannot write \`${place}\`: `), errors[0]);
      }
    }
    const many = await run(
      "heavy",
      "--workers",
      "99999",
      "-o",
      report,
      "--checkpoint",
      `${folder}/run`,
    );
    assertEquals([many.code, many.lines], [1, []]);
    assertStringIncludes(many.errors[0], "`workers` must be a whole number from 0 to ");
    assertStringIncludes(many.errors[0], "on this machine: given 99999");
    assertEquals(await Deno.readTextFile(report), "as it was");
    assertEquals(await Array.fromAsync(Deno.readDir(folder), ({ name }) => name), ["report.html"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
