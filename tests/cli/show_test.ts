/** `gradus show FILE.onnx`: what a model is, whoever wrote it, and no program where there is none. */
import { main } from "../../cli.ts";
import { METADATA, toOnnx } from "../../export/onnx/mod.ts";
import { valueInfo, writeModel } from "../../export/onnx/proto.ts";
import { adamw, latex } from "../../mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { linearModel } from "../export/linear_model.ts";

async function shown(
  bytes: Uint8Array,
  ...args: string[]
): Promise<{ code: number; out: string; error: string }> {
  const path = await Deno.makeTempFile({ suffix: ".onnx" });
  try {
    await Deno.writeFile(path, bytes);
    const [out, error]: string[][] = [[], []];
    const print = (line: string) => out.push(line);
    const code = await main(["show", path, ...args], print, (line) => error.push(line));
    return { code, out: out.join("\n"), error: error.join("\n") };
  } finally {
    await Deno.remove(path);
  }
}

const rowsOf = (text: string) => text.split("\n").map((line) => line.trim().split(/ {2,}/));

Deno.test("an exported optimizer is shown with its program, equations and hyperparameters", async () => {
  const opt = adamw({ learningRate: 0.1, weightDecay: 0 });
  const { code, out } = await shown(toOnnx(opt, { w: [2, 3] }, { inputs: ["b1"] }));
  assertEquals(code, 0);
  assertStringIncludes(out, 'a step of "adamw"');
  assertStringIncludes(out, "  m = b1*m + (1 - b1)*g\n");
  assertStringIncludes(out, latex(adamw.program).split("\n")[0]);
  const rows = rowsOf(out).map((row) => row.join(" "));
  for (const row of ["b1 input made with 0.9", "learningRate constant 0.1", "w/w float32 [2, 3]"]) {
    assert(rows.includes(row), row);
  }
});

Deno.test("any other model is shown by its inputs, outputs, initializers and nodes", async () => {
  const { code, out } = await shown(linearModel());
  assertEquals(code, 0);
  assertStringIncludes(out, ": an ONNX model, ");
  const rows = rowsOf(out).map((row) => row.join(" "));
  assert(rows.some((row) => /^initializers: \d+, \d+ numbers$/.test(row)), out);
  assert(rows.some((row) => /^nodes: \d+$/.test(row)), out);
  assert(rows.includes("w float32 [2, 1]"), out);
});

Deno.test("a model cannot steer the terminal, nor fail in other ways than by an error", async () => {
  const hostile = (hyper: string, doc = "") =>
    writeModel({
      name: "hostile",
      doc,
      inputs: [valueInfo("w/\x1b[2J", "float32", [3])],
      outputs: [],
      constants: [],
      nodes: [],
      functions: [],
      metadata: {
        ...Object.fromEntries(Object.values(METADATA).map((key) => [key, "{}"])),
        [METADATA.program]: JSON.stringify({ name: "p", doc: "\x1b[31m", step: "u = -g" }),
        [METADATA.hyper]: hyper,
      },
    }, 21);
  const deep = '{"a":'.repeat(10_000) + "1" + "}".repeat(10_000);
  for (const hyper of ['{"__proto__": {"toString": 1}}', '{"a": null, "b": [{}]}', deep]) {
    const { code, out, error } = await shown(hostile(hyper));
    assertEquals([code, error], [0, ""]);
    assert(!out.includes("\x1b") && out.length < 5000, out);
  }
  for (const hyper of ["{", "[]", "null", "3"]) {
    const { code, error } = await shown(hostile(hyper));
    assertEquals(code, 1, hyper);
    assertStringIncludes(error, "`gradus.hyper`");
  }
});

Deno.test("a model that was cut off or changed is refused, and one without an optimizer as program", async () => {
  const bytes = toOnnx(adamw({ learningRate: 0.1 }), { w: [2, 3] });
  const cut = await shown(bytes.subarray(0, bytes.length - 100));
  assertEquals([cut.code, cut.out], [1, ""]);
  assertStringIncludes(cut.error, ".onnx`: Cannot read an");
  const changed = bytes.slice();
  const at = new TextDecoder("latin1").decode(bytes).indexOf("learningRate_", 0);
  changed[at < 0 ? bytes.length >> 1 : at] ^= 1;
  assertEquals((await shown(changed)).code, 1);
  assertEquals((await shown(bytes, "--latex")).out, latex(adamw.program));
  const { code, error } = await shown(linearModel(), "--latex");
  assertEquals(code, 1);
  assertStringIncludes(
    error,
    "Cannot read an optimizer: the bytes must be an ONNX model written by",
  );
});
