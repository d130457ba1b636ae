/** `gradus show` of a safetensors file: of a checkpoint, and of tensors of any origin. */
import { main } from "../cli.ts";
import { parseYaml } from "../dsl/yaml.ts";
import { VERSION } from "../export/safetensors/metadata.ts";
import { save, writeSafetensors } from "../export/safetensors/mod.ts";
import { adamw, exponentialDecay, latex, type StoredTensor, type Tensor } from "../mod.ts";
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";

/** Runs the command on a file of these bytes, whose path is FILE in what it prints. */
async function run(
  bytes: Uint8Array,
  args: readonly string[],
  name = "run.safetensors",
): Promise<{ readonly code: number; readonly text: string }> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/${name}`, bytes);
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    const code = await main(
      args.map((arg) => arg === "FILE" ? `${folder}/${name}` : arg),
      print,
      print,
    );
    return { code, text: lines.join("\n").replaceAll(`${folder}/${name}`, "FILE") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function checkpoint(): Uint8Array {
  const optimizer = adamw({
    learningRate: exponentialDecay({ initValue: 0.5, transitionSteps: 1, decayRate: 0.5 }),
    weightDecay: 0.25,
    mask: { w: true, b: false },
    muDtype: "bfloat16",
  });
  const params: { w: Tensor; b: StoredTensor } = {
    w: { data: new Float32Array(6000), shape: [60, 100] },
    b: { data: new Uint16Array(10), shape: [10], dtype: "bfloat16" },
  };
  const storage = { v: { dtype: "bfloat16+8", rounding: "stochastic", seed: 7 } } as const;
  const state = optimizer.init(params, { storage });
  for (let step = 0; step < 2; step++) optimizer.step(params, params, state);
  state.hyper.b1 = 0.75;
  return save({ optimizer, params, state });
}

/** The rows of what is printed that begin with one of `names`, as words. */
function rows(text: string, ...names: string[]): string[][] {
  return names.map((name) => {
    const line = text.split("\n").find((line) => line.startsWith(`${name} `));
    return (line ?? "").trim().split(/\s{2,}/);
  });
}

Deno.test("a checkpoint is shown with its program, equations, hyperparameters, steps and sizes", async () => {
  const { code, text } = await run(checkpoint(), ["show", "FILE"]);
  assertEquals(code, 0, text);
  const [title, document, equations, ...others] = text.split("\n\n");
  assertEquals(title, `FILE: a checkpoint of "adamw" after 2 steps, by Gradus ${VERSION}`);
  assert(parseYaml(document) === adamw.program);
  assertEquals(equations, latex(adamw.program));
  assertEquals(rows(others[0], "hyperparameter", "learningRate", "b1", "b2", "weightDecay"), [
    ["hyperparameter", "made with", "written", "last used"],
    ["learningRate", "count => where(count <= 0, 0.5, 0.5*0.5^(count/1))", "0.25"],
    ["b1", "0.9", "0.75"],
    ["b2", "0.999", "0.999"],
    ["weightDecay", '0.25 where {"w":true,"b":false}', "0.25"],
  ]);
  assertEquals(rows(others[1], "params", "state `m`", "state `v`", "master", "all"), [
    ["params", "2", "6,010", "24,020", "float32, bfloat16"],
    ["state `m`", "2", "6,010", "12,020", "bfloat16"],
    ["state `v`", "2", "6,010", "18,030", "bfloat16+8 rounded stochastically by seed 7"],
    ["master", "1", "10", "40", "float32"],
    ["all", "7", "18,040", "54,110"],
  ]);
});

Deno.test("the program of a checkpoint is one to show, check and export, whatever the file is called", async () => {
  const bytes = checkpoint();
  for (const name of ["run.safetensors", "run.ckpt"]) {
    assertEquals((await run(bytes, ["show", "FILE", "--latex"], name)).text, latex(adamw.program));
    const { text } = await run(bytes, ["check", "FILE"], name);
    assertStringIncludes(text, 'FILE: "adamw" is an optimizer: 8 bytes of state');
    assertStringIncludes((await run(bytes, ["show", "FILE"], name)).text, "after 2 steps");
  }
});

Deno.test("tensors of another origin are shown by name, type and shape, at most forty", async () => {
  const tensors = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`layer.${i}.weight`, {
      data: new Float32Array(4),
      shape: [2, 2],
    }]),
  );
  const bytes = writeSafetensors(tensors, { format: "pt", evil: "a\u001b[2Jb\u202e" });
  const { code, text } = await run(bytes, ["show", "FILE"]);
  assertEquals(code, 0, text);
  const lines = text.split("\n");
  assertEquals(lines[0], "FILE: 50 tensors, 200 numbers, 800 bytes, and no optimizer");
  assertEquals(lines.slice(1, 5).map((line) => line.trim()), [
    "",
    "metadata",
    "format  pt",
    "evil    a\\u001b[2Jb\\u202e",
  ]);
  assertEquals(lines[7], "layer.0.weight   F32  2x2");
  assertEquals(lines.at(-1), "and 10 more");
  const refused = await run(bytes, ["export", "FILE", "--params", "w:2"]);
  assertEquals(refused.code, 1);
  assertStringIncludes(
    refused.text,
    "Cannot read `FILE`: it must hold an optimizer: given tensors",
  );
});

Deno.test("a file that is cut off or lies about itself is refused with its path", async () => {
  const bytes = checkpoint();
  const { code, text } = await run(bytes.slice(0, -3), ["show", "FILE"]);
  assertEquals(code, 1);
  assertStringIncludes(text, "gradus: `FILE`: Cannot read safetensors: ");
  const short = await run(bytes.slice(0, 5), ["show", "FILE"]);
  assertEquals(short.code, 1);
  assertStringIncludes(short.text, "it must begin with the length of its header");
  const name = "\u001b[2J\u009b31m\u202e";
  const evil = writeSafetensors({ [name]: { data: Float32Array.of(1), shape: [1] } });
  const cut = await run(evil.slice(0, -1), ["show", "FILE"]);
  assertStringIncludes(cut.text, "tensor `\\u001b[2J\\u009b31m\\u202e` must end in the file");
  // 2^53 bytes of header are not even tried.
  const huge = await run(Uint8Array.of(0, 0, 0, 0, 0, 0, 32, 0, 0x7b), ["show", "FILE"]);
  assertStringIncludes(huge.text, "at most 100000000 bytes");
});
