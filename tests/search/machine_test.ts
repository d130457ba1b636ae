/** The machine: its bytes are those that wabt assembles, and its instructions compute what the op table says. */
import wabtFactory from "wabt";
import { assert, assertEquals } from "../assert.ts";
import { elementOps, reduceOps } from "../../dsl/ops.ts";
import type { ElementOpName, ReduceOpName } from "../../dsl/node.ts";
import { accumulateBlocks } from "../../runtime/backends/interpreter/run.ts";
import { fused, type Instruction } from "../../search/machine/instructions.ts";
import { Machine } from "../../search/machine/machine.ts";
import { machineModule } from "../../search/machine/wasm_module.ts";
import { Pack } from "../../search/machine/pack.ts";
import { numbersOfAllSizes } from "./numbers.ts";

const wabt = await wabtFactory();

Deno.test("the machine's bytes are those that wabt assembles from its text", () => {
  const module = machineModule();
  const parsed = wabt.parseWat("machine.wat", module.text(), { simd: true });
  const expected: Uint8Array = parsed.toBinary({}).buffer.slice();
  parsed.destroy();
  const bytes = module.bytes();
  assertEquals(bytes.length, expected.length);
  assert(bytes.every((byte, i) => byte === expected[i]));
});

const names = Object.keys(elementOps) as ElementOpName[];
const isExact = (name: ElementOpName) => {
  const { ulp, wasm, takes, gives } = elementOps[name];
  return ulp === 0 && wasm !== null && gives === "number" && !(takes as string[]).includes("truth");
};

for (const name of names.filter(isExact)) {
  Deno.test(`${name} is exact on the machine, on vectors and with one number for all`, () => {
    const machine = new Machine();
    const [x, y] = [numbersOfAllSizes(1), numbersOfAllSizes(2)];
    const [a, b] = [machine.place(x), machine.place(y)];
    const bytes = 4 * x.length;
    const dst = machine.take(bytes);
    const forms = elementOps[name].takes.length === 2 ? ["vv", "vs", "sv"] : [""];
    for (const form of forms) {
      // One number for all fills the four lanes of a vector.
      const first = machine.place(new Float32Array(4).fill(x[5]));
      const second = machine.place(new Float32Array(4).fill(y[5]));
      const code = machine.assemble([{
        name: form === "" ? name : `${name}.${form}`,
        bytes,
        dst,
        a: form === "sv" ? first : a,
        b: form === "vs" ? second : b,
      }]);
      machine.run(code, 0, 1);
      const expected = x.map((_, i) =>
        elementOps[name].eval(form === "sv" ? x[5] : x[i], form === "vs" ? y[5] : y[i])
      );
      assertEquals(machine.floats.slice(dst / 4, (dst + bytes) / 4), expected, `${name} ${form}`);
    }
  });
}

for (const { name, operations } of fused.values()) {
  Deno.test(`${name} gives the bits that its operations give one after the other`, () => {
    const machine = new Machine();
    const bytes = 4 * numbersOfAllSizes(1).length;
    const [number, other] = [1.1, -3e5].map((value) =>
      machine.place(new Float32Array(4).fill(value))
    );
    const vectors = [1, 2, 3].map((seed) => machine.place(numbersOfAllSizes(seed)));
    const given = { s: [number, other], v: vectors };
    const [operands, made]: number[][] = [[], []];
    const code: Instruction[] = operations.map(({ op, form }) => {
      const results = made.splice(made.length - form.split("r").length + 1);
      const [a, b] = [...form].map((each) => {
        if (each === "r") return results.shift()!;
        operands.push(given[each as "s" | "v"].shift()!);
        return operands[operands.length - 1];
      });
      const dst = machine.take(bytes);
      made.push(dst);
      return {
        name: b === undefined ? op : `${op}.${form.replaceAll("r", "v")}`,
        bytes,
        dst,
        a,
        b,
      };
    });
    const dst = machine.take(bytes);
    const [a, b, c, d] = operands;
    machine.run(machine.assemble([...code, { name, bytes, dst, a, b, c, d }]), 0, 1);
    const [expected, found] = [made[0], dst].map((at) =>
      machine.floats.slice(at / 4, (at + bytes) / 4)
    );
    assert(expected.some((value) => value !== 0 && Number.isFinite(value)));
    assert(found.every((value, i) => Object.is(value, expected[i])));
  });
}

for (const name of Object.keys(reduceOps) as ReduceOpName[]) {
  Deno.test(`${name} of tensors of any length has the bits that every backend gives`, () => {
    for (const lengths of [[64], [1, 2, 3, 4, 5, 7, 8], [4096], [4097, 4095], [9001]]) {
      const machine = new Machine();
      const { tensors, bytes, table } = new Pack(machine, { lengths, lr: Float64Array.of(1) });
      const x = Float32Array.from({ length: bytes / 4 }, (_, i) => Math.sin(i * i) * i);
      const a = machine.place(x);
      const dst = machine.take(bytes);
      const reduction = { name, bytes, dst, a, table: table.begin, extra: table.end };
      machine.run(machine.assemble([reduction]), 0, 1);
      for (const { at, length } of tensors) {
        const data = Float64Array.from(x.subarray(at, at + length));
        const expected = Math.fround(
          reduceOps[name].finish(accumulateBlocks(reduceOps[name], data), length),
        );
        const found = machine.floats.slice(dst / 4 + at, dst / 4 + at + length);
        assertEquals(found, new Float32Array(length).fill(expected), `${length} at ${at}`);
      }
    }
  });
}
