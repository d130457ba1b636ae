/** What the zoo says of its optimizers is what their programs say. */
import { latex, type OptimizerFactory } from "../mod.ts";
import * as zoo from "../zoo/mod.ts";
import { assert, assertEquals } from "./assert.ts";
import { assertRefused } from "./refused.ts";

const factories = Object.entries(zoo) as [string, OptimizerFactory<unknown>][];

// A loop is written once for any number of turns; with a memory of many, equations say so too.
const SUMMED_UP = ["lbfgs", "scaleByLbfgs"];
const LOOPS = [...SUMMED_UP, "muon"];

async function sources(): Promise<string> {
  const texts: string[] = [];
  const folder = new URL("../zoo/", import.meta.url);
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && name !== "mod.ts") texts.push(await Deno.readTextFile(new URL(name, folder)));
  }
  return texts.join("\n");
}

Deno.test("the equations in each doc comment are those the program prints", async () => {
  const text = await sources();
  for (const [name, { program }] of factories.filter(([name]) => !SUMMED_UP.includes(name))) {
    const equations = latex(program).split("\n").map((line) => ` * ${line}\n`).join("");
    assert(text.includes(` * \`\`\`text\n${equations} * \`\`\`\n`), `${name}:\n${equations}`);
  }
});

Deno.test("each optimizer bears its own name, a source, and at most 15 lines", () => {
  for (const [name, { program }] of factories) {
    assertEquals(program.name, name);
    assert(program.doc !== "" && program.source !== "");
    assert(program.statements.length <= 15 || LOOPS.includes(name));
  }
});

Deno.test("each refuses options that are no object", () => {
  for (const [name, factory] of factories) {
    for (const options of [0.1, null, "options", true]) {
      assertRefused(
        () => factory(options),
        `Cannot make "${name}": its options must be an object: given `,
      );
    }
  }
});
