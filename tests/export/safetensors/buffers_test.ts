/** Arrays of a model that have no gradients, kept beside its parameters in a checkpoint. */
import { load, readSafetensors, save } from "../../../export/safetensors/mod.ts";
import { GradusError, lion } from "../../../mod.ts";
import { assertEquals, assertThrows } from "../../assert.ts";

const optimizer = lion({ learningRate: 0.5 });
const params = { w: Float32Array.of(1, 2) };
const state = optimizer.init(params);

Deno.test("buffers are saved and loaded by their names, whatever these are", () => {
  const names = ["mean", "a/b", "~1", "__proto__"];
  const buffers = Object.fromEntries(
    names.map((name, i) => [name, { data: Float32Array.of(i, -i), shape: [2, 1] }]),
  );
  const bytes = save({ optimizer, params, state, buffers });
  const saved = [...readSafetensors(bytes).tensors.keys()].filter((name) => /^buffers/.test(name));
  assertEquals(saved.sort(), [
    "buffers/__proto__",
    "buffers/a~1b",
    "buffers/mean",
    "buffers/~01",
  ]);
  const loaded = load(bytes);
  assertEquals(Object.entries(loaded.buffers).sort(), Object.entries(buffers).sort());
  assertEquals([loaded.params, loaded.leftover], [params, []]);
  assertEquals(load(save({ optimizer, params, state })).buffers, {});
});

Deno.test("buffers of whole numbers are not taken for any", () => {
  const buffers = { seen: { data: Int32Array.of(1) as unknown as Float32Array, shape: [1] } };
  assertThrows(
    () => load(save({ optimizer, params, state, buffers })),
    GradusError,
    "`buffers/seen`: nothing asks for it",
  );
});
