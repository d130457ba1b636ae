/** `gradus export --attach`: what it writes, how it complains. */
import { main } from "../../cli.ts";
import { attachOptimizer } from "../../export/onnx/mod.ts";
import { lion } from "../../mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { linearModel } from "../export/linear_model.ts";

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const [out, error]: string[][] = [[], []];
  const code = await main(args, (line) => out.push(line), (line) => error.push(line));
  return { code, out: out.join("\n"), error: error.join("\n") };
}

Deno.test("export --attach writes what attachOptimizer gives", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [model, output] = [`${folder}/model.onnx`, `${folder}/step.onnx`];
    await Deno.writeFile(model, linearModel());
    const names = ["--params", "w,b", "--grads", "dw,db"];
    const attach = ["export", "lion", "--set", "learningRate=0.01", "--attach"];
    const { code, out } = await run(...attach, model, ...names, "-o", output);
    assertEquals(code, 0);
    assertStringIncludes(out, 'a training step with "lion"');
    assertEquals(
      await Deno.readFile(output),
      attachOptimizer(linearModel(), lion({ learningRate: 0.01 }), {
        params: ["w", "b"],
        grads: ["dw", "db"],
      }),
    );
    await run(...attach, model, ...names, "--precision", "float32", "-o", output);
    assertEquals(
      await Deno.readFile(output),
      attachOptimizer(linearModel(), lion({ learningRate: 0.01 }), {
        params: ["w", "b"],
        grads: ["dw", "db"],
        precision: "float32",
      }),
    );
    const short = await run(...attach, model, ...names, "--precision", "float16", "-o", output);
    assertStringIncludes(
      short.error,
      '`precision` must be "float64" or "float32": given "float16"',
    );
    assertEquals((await run(...attach, model)).code, 2, "names are required");
    const missing = await run(...attach, `${folder}/none.onnx`, ...names);
    assertStringIncludes(missing.error, "Cannot read");
    await Deno.remove(output);
    const wrong = await run(...attach, model, "--params", "w", "--grads", "db", "-o", output);
    assertStringIncludes(wrong.error, "must have the shape of `w`, [2, 1]: given [1]");
    const left = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    assert(left.length === 1, `nothing is left half-written: ${left}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
