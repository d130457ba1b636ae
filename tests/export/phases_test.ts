/** What a graph computes before a reduction over the tree is not computed again behind it. */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { toOnnx } from "../../export/onnx/mod.ts";
import { optimizer } from "../../mod.ts";
import { assertEquals } from "../assert.ts";

for (const inlineFunctions of [false, true]) {
  Deno.test(`a value is made in the first phase that needs it, and handed on (${inlineFunctions ? "inline" : "functions"})`, () => {
    const opt = optimizer({
      name: "phases",
      step: "s = exp(g)\nn = globalNorm(s)\nr = globalSum(s/n)\nu = -s*r",
    })();
    const { graph, functions } = fromBinary(
      ModelProtoSchema,
      toOnnx(opt, { w: [3, 2], v: [3, 2] }, { inlineFunctions }),
    );
    const ops = [graph!, ...functions].flatMap(({ node }) => node.map(({ opType }) => opType));
    const count = (op: string) => ops.filter((each) => each === op).length;
    // Once a leaf where it stands in the graph itself, and once in a function.
    assertEquals(count("Exp"), inlineFunctions ? 2 : 1);
    for (const { input, output } of functions) {
      assertEquals(output.filter((name) => input.includes(name)), []);
    }
  });
}
