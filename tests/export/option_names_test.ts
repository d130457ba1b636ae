/** Options that there are not are refused by name wherever an optimizer leaves the library. */
import { lion } from "../../mod.ts";
import { attachOptimizer, toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer, OrtTrainer } from "../../export/ort/mod.ts";
import { load } from "../../export/safetensors/mod.ts";
import { lora } from "../../export/train/mod.ts";
import { assertRejects, assertThrows } from "../assert.ts";
import { GradusError } from "../../mod.ts";

const params = { w: [2, 3] };
const opt = lion({ learningRate: 0.1 });
const bytes = new Uint8Array(8);

/** What is called with options of other names, and what it says. */
const CALLS: readonly [call: () => unknown, says: string][] = [
  [() => toOnnx(opt, params, { layuot: "flat" } as object), "`layuot`; did you mean `layout`?"],
  [() => opt.with({ backnd: "js" } as object), "`backnd`; did you mean `backend`?"],
  [
    () => load(bytes, { onMissmatch: "init" } as object),
    "`onMissmatch`; did you mean `onMismatch`",
  ],
  [() => lora(bytes, { rnak: 2 } as object), "`rnak`; did you mean `rank`?"],
];

Deno.test("options that there are not are refused by their names", async () => {
  for (const [call, says] of CALLS) {
    assertThrows(call, GradusError, `there is no option ${says}`);
  }
  const given = { executionProvder: "webgpu" } as object;
  for (const { load } of [OrtOptimizer, OrtTrainer]) {
    await assertRejects(
      () => load(bytes, given),
      GradusError,
      "there is no option `executionProvder`; did you mean `executionProvider`?",
    );
  }
  const model = toOnnx(opt, params);
  assertThrows(
    () => attachOptimizer(model, opt, { params: [], grads: [], lss: "loss" } as never),
    GradusError,
    "there is no option `lss`; did you mean `loss`?",
  );
});
