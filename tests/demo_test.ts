/** The demo as a newcomer runs it, on a copy, so that it leaves nothing behind in the repository. */
import { METADATA } from "../export/onnx/mod.ts";
import { OrtOptimizer } from "../export/ort/mod.ts";
import { explain, lion, parseJson } from "../mod.ts";
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";
import { decodeModel, metadataOf, operatorsOf, signatureOf } from "./export/models.ts";
import { tagsOf, textsOf } from "./svg.ts";

const examples = new URL("../examples/", import.meta.url);
const config = new URL("../deno.json", import.meta.url).pathname;
const CONTENDERS = ["Lion", "AdamW", "SGD with momentum"];

Deno.test("the demo trains three optimizers, draws them, exports Lion and replays it", async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/examples`);
    for (const { name, isFile } of Deno.readDirSync(examples)) {
      if (!isFile) continue;
      await Deno.copyFile(new URL(name, examples), `${folder}/examples/${name}`);
    }
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--config", config, `${folder}/examples/demo.ts`],
      env: { NO_COLOR: "1" },
    }).output();
    const output = new TextDecoder().decode(stdout);

    await t.step("it ends well", () => {
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      assertStringIncludes(output, "learns to read 8000 handwritten digits");
      assertStringIncludes(output, "To try next");
    });

    await t.step(
      "the page has the equations of Lion and the numbers that were printed",
      async () => {
        const page = await Deno.readTextFile(`${folder}/out/demo.html`);
        assertStringIncludes(page, "<math");
        assertStringIncludes(page, lion.program.doc);
        const rows = Array.from(
          page.matchAll(/<tr><td>(.*?)<\/td><td>(.*?)<\/td><td>(.*?)<\/td><td>(.*?)<\/td><\/tr>/g),
          ([, ...cells]) => cells,
        );
        assertEquals(rows.map(([name]) => name), CONTENDERS);
        for (const cells of rows) {
          const line = output.split("\n").find((each) =>
            cells.every((cell) => each.includes(cell))
          );
          assert(line !== undefined, `${cells} is not printed`);
        }
        const { stateBytes } = explain(lion({ learningRate: 1 }));
        assertEquals(rows[0][3], `${stateBytes} bytes`);
      },
    );

    await t.step("each of the three names more than 85 % of the test digits", () => {
      for (const name of CONTENDERS) {
        const found = new RegExp(`^ +${name} +[0-9.]+ +([0-9.]+) %`, "m").exec(output);
        assert(found !== null, `no accuracy of ${name} in ${output}`);
        assert(Number(found[1]) > 85 && Number(found[1]) <= 100, found[0]);
      }
    });

    await t.step("replayed through ONNX Runtime, each of the three has every bit", () => {
      for (const name of CONTENDERS) {
        const found = new RegExp(`^ +${name} +([0-9]+) of ([0-9]+) bits`, "m").exec(output);
        assert(found !== null, `no replay of ${name} in ${output}`);
        assertEquals([found[1], found[2]], ["0", String(32 * (784 * 128 + 128 + 128 * 10 + 10))]);
      }
    });

    await t.step("the curves are a picture of three named lines over named axes", async () => {
      const svg = await Deno.readTextFile(`${folder}/out/curves.svg`);
      assertEquals(tagsOf(svg)[0], "svg");
      const texts = textsOf(svg);
      for (
        const text of [
          "step",
          "training loss (mean of 20 steps)",
          "% right on other digits",
          ...CONTENDERS,
        ]
      ) {
        assert(texts.includes(text), `${text} is not among ${texts.join(" | ")}`);
      }
    });

    await t.step("the model is Lion for the network, and runs", async () => {
      const bytes = await Deno.readFile(`${folder}/out/lion.onnx`);
      assert(parseJson(metadataOf(bytes)[METADATA.program]) === lion.program);
      assertEquals(decodeModel(bytes).opsetImport[0].version, 21n);
      assertEquals(signatureOf(bytes).inputs.filter((each) => each.startsWith("w/")).sort(), [
        "w/hidden/b float [128]",
        "w/hidden/w float [784, 128]",
        "w/output/b float [10]",
        "w/output/w float [128, 10]",
      ]);
      assert(operatorsOf(bytes).includes("Cos"), "the learning rate follows a cosine");
      const exported = await OrtOptimizer.load(bytes);
      const layer = (inputs: number, outputs: number) => ({
        w: { data: new Float32Array(inputs * outputs).fill(1), shape: [inputs, outputs] },
        b: new Float32Array(outputs).fill(1),
      });
      const params = { hidden: layer(784, 128), output: layer(128, 10) };
      const gradients = structuredClone(params);
      const state = exported.init(params);
      await exported.step(params, gradients, state);
      // A first step of -1e-3·(sign(g) + 0.1·w), each operation rounded.
      const decay = Math.fround(Math.fround(0.1) * 1);
      const update = Math.fround(Math.fround(-1e-3) * Math.fround(1 + decay));
      const expected = Math.fround(1 + update);
      for (const { w, b } of [params.hidden, params.output]) {
        assert(w.data.every((x) => x === expected) && b.every((x) => x === expected));
      }
      await exported.dispose();
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
