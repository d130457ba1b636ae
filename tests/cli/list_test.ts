/** `gradus list`: what it shows is what the programs come to. */
import { main } from "../../cli.ts";
import { WRAPPERS } from "../../cli/files.ts";
import { listed } from "../../cli/list.ts";
import { elaborate, rootsOf } from "../../dsl/graph.ts";
import { postorder } from "../../dsl/node.ts";
import { reduceRow } from "../../dsl/ops.ts";
import {
  adam,
  adamMini,
  adamw,
  chain,
  clipByGlobalNorm,
  explain,
  lamb,
  optimizer,
} from "../../mod.ts";
import * as wrappers from "../../zoo/wrappers/mod.ts";
import * as zoo from "../../zoo/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

async function printed(...args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const print = (line: string) => lines.push(line);
  assertEquals(await main(args, print, print), 0, lines.join("\n"));
  return lines.join("\n");
}

Deno.test("list shows every optimizer on a line, then wrappers and schedules, 80 columns wide", async () => {
  const text = await printed("list");
  const [table, legend, others, schedules] = text.split("\n\n");
  const rows = table.split("\n");
  assertEquals(rows[0].split(/ {2,}/), ["name", "state", "loops", "ops", "moved", "source"]);
  assertEquals(rows.slice(1).map((row) => row.split(" ")[0]), Object.keys(zoo));
  const [row] = rows.filter((row) => row.startsWith("lion "));
  assertEquals(row.split(/ {2,}/), ["lion", "4", "1", "11", "20", "Chen et al. 2023"]);
  assertStringIncludes(legend, "bytes of state");
  for (const name of Object.keys(wrappers)) assertStringIncludes(others, name);
  assertStringIncludes(schedules, "cosineDecaySchedule");
  assertEquals(text.split("\n").filter((line) => line.length > 80), []);
});

Deno.test("list WORD shows what has it in name, description or paper, and what that is", async () => {
  const text = await printed("list", "muon");
  assertEquals(text.match(/^[a-zA-Z]+(?=  +\d)/gm), ["adamuon", "muon", "normuon", "scaleByMuon"]);
  assertStringIncludes(text, zoo.muon.program.doc.slice(0, 40));
  assertStringIncludes(await printed("list", "Jordan", "2024"), "\nmuon  ");
  assertStringIncludes(await printed("list", "cosine"), "schedules: cosineDecaySchedule, ");
  assertEquals(
    await printed("list", "xyzzy"),
    "Nothing has xyzzy in its name, description or paper",
  );
});

Deno.test("list --kind tells optimizers, which go against the gradient, from transforms", async () => {
  const kinds = ["optimizer", "transform"];
  const [optimizers, transforms] = await Promise.all(kinds.map(async (kind) => {
    const { optimizers } = JSON.parse(await printed("list", "--json", "--kind", kind));
    return optimizers.map(({ name }: { readonly name: string }) => name) as string[];
  }));
  for (const name of ["lion", "sgd", "prodigy", "dadaptAdamw", "cocob", "polyakSgd", "lbfgs"]) {
    assert(optimizers.includes(name) && !transforms.includes(name), name);
  }
  for (const name of ["clip", "scaleByAdam", "setToZero", "ema", "reduceOnPlateau"]) {
    assert(transforms.includes(name) && !optimizers.includes(name), name);
  }
  assertEquals(optimizers.length + transforms.length, Object.keys(zoo).length);
  const wrappersOnly = await printed("list", "--kind", "wrapper");
  assertEquals(wrappersOnly.replace(/\s+/g, " "), `wrappers: ${WRAPPERS.join(", ")}`);
});

Deno.test("list --json has the same as data, worked out by explain", async () => {
  const { optimizers, wrappers } = JSON.parse(await printed("list", "--json"));
  assertEquals(optimizers, listed());
  assertEquals(wrappers, WRAPPERS);
  const byName = (name: string) =>
    optimizers.find((each: { readonly name: string }) => each.name === name);
  for (
    const [factory, opt] of [[adam, adam({ learningRate: 0.1 })], [
      zoo.ema,
      zoo.ema({ decay: 0.9 }),
    ]] as const
  ) {
    const { stateBytes, passes, arithmetic, bytesMoved, narrowStates } = explain(opt);
    const { name, source } = factory.program;
    const row = {
      name,
      stateBytes,
      narrowStates,
      passes,
      products: 0,
      arithmetic,
      bytesMoved,
      source,
    };
    assertEquals(byName(name), row);
  }
  assertEquals(byName("adamMini").narrowStates, ["v"]);
});

Deno.test("a step of Adam is one loop, with a clip before it two, and of a trust ratio two", () => {
  const passes = (opt: Parameters<typeof explain>[0]) => explain(opt).passes;
  assertEquals(passes(adam({ learningRate: 0.1 })), 1);
  assertEquals(passes(chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 }))), 2);
  assertEquals(passes(lamb({ learningRate: 0.1 })), 2);
  assertEquals(passes(adamMini({ learningRate: 0.1 })), 2);
});

Deno.test("products of matrices are counted, and what they read and write", () => {
  const step = "m = 0.5*m + g; u = -(m@transpose(m)@m)";
  const { passes, products, bytesMoved } = explain(
    optimizer({ name: "cube", state: { m: 0 }, step })(),
  );
  assertEquals([passes, products], [2, 2]);
  // The loop before reads m and g and writes m, and m apart; of the products the first reads that twice, the
  // other reads it and writes one; the loop after reads that and w, and writes w.
  assertEquals(bytesMoved, 4 * (4 + 2 + 2 + 3));
});

Deno.test("what reduces nothing is one loop over elements, or none if it leaves parameters be", () => {
  let checked = 0;
  for (const { name, passes, products } of listed()) {
    const { program } = zoo[name as keyof typeof zoo];
    const isElementwise = !postorder(rootsOf(elaborate(program))).some(({ op }) =>
      reduceRow(op) !== undefined
    ) && elaborate(program).globals.length === 0 && products === 0;
    if (isElementwise) {
      assertEquals(passes, name === "setToZero" ? 0 : 1, name);
      checked++;
    } else assert(passes + products > 0, name);
  }
  assert(checked > 60, `only ${checked} were checked`);
});
