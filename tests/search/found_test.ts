/** What a search finds is an optimizer like any other: it is written, typeset, run and exported. */
import { assert } from "../assert.ts";
import { factory, latex, type Program } from "../../mod.ts";
import { parseYaml, printYaml } from "../../dsl/yaml.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { programOf, space } from "../../search/mod.ts";
import { partingOf } from "../export/along.ts";
import { streamParams } from "../golden/replay.ts";
import { randomGenomes } from "./random_programs.ts";

Deno.test("random programs run in ONNX Runtime as the interpreter defines them", async () => {
  const paper = space();
  const known = new Set<Program>();
  for (const genome of randomGenomes(paper, 300, 9)) {
    const program = parseYaml(printYaml(programOf(paper, genome)));
    if (known.has(program)) continue;
    known.add(program);
    assert(latex(program).includes("u_t"));
    const opt = factory<{ learningRate: number }>(program)({ learningRate: 0.5 });
    const { error, place } = await partingOf(
      opt,
      toOnnx(opt, streamParams("float32")),
      "float32",
    );
    // Of the 42 functions some are exact in both, and others to a few units in the last place.
    assert(error <= 1e-6, `${error} of scale at ${place} in\n${printYaml(program)}`);
  }
  assert(known.size > 100, `only ${known.size} programs`);
});
