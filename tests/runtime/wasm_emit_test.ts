/** The emitter's bytes are those that wabt assembles from the emitter's own text. */
import wabtFactory from "wabt";
import fc from "fast-check";
import {
  adamw,
  chain,
  clipByGlobalNorm,
  lion,
  type Optimizer,
  optimizer,
  parseProgram,
  type Program,
  sgd,
} from "../../mod.ts";
import type { Structural } from "../../dsl/graph.ts";
import { constant } from "../../dsl/node.ts";
import { elementOps } from "../../dsl/ops.ts";
import { statesKept } from "../../runtime/step/groups.ts";
import { arraysOf, type GroupRun, stateKind, typesOf } from "../../runtime/backends/backend.ts";
import type { Stored } from "../../runtime/trees/stored.ts";
import { variantOf } from "../../runtime/plan/variants.ts";
import { Code, type FunctionType } from "../../runtime/backends/wasm/code.ts";
import { Module } from "../../runtime/backends/wasm/module.ts";
import { type Instruction, instructions } from "../../runtime/backends/wasm/instructions.ts";
import { isRunnable } from "../../runtime/backends/wasm/kernel.ts";
import { routineTypes } from "../../runtime/backends/wasm/math.ts";
import { passesOf } from "../../runtime/backends/wasm/passes.ts";
import { renderModule } from "../../runtime/backends/wasm/render.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { anyProgram } from "../dsl/generate.ts";
import { STORAGES } from "./storages.ts";

const wabt = await wabtFactory();
const MEMORY = { shared: false, initial: 1, maximum: 65_535 };
const OFFSETS = [0, 1, 64, 127, 128, 300, 16_383, 16_384, 65_536, 2 ** 31, 2 ** 32 - 1];

function assembled(text: string): Uint8Array {
  const parsed = wabt.parseWat("module.wat", text, { simd: true, threads: true });
  try {
    return parsed.toBinary({}).buffer.slice();
  } finally {
    parsed.destroy();
  }
}

function assertAssembles(module: Module, what: string): void {
  const bytes = module.bytes();
  const expected = assembled(module.text());
  const at = bytes.findIndex((byte, i) => byte !== expected[i]);
  assert(
    at === -1 && bytes.length === expected.length,
    `${what}: ${bytes.length} bytes for ${expected.length}, the first other one at ${at}`,
  );
  assert(WebAssembly.validate(bytes), `${what} is no valid module`);
}

/** A module of one function. */
function moduleOf(
  type: Omit<FunctionType, "name">,
  write: (code: Code) => void,
  memory = MEMORY,
): Module {
  const module = new Module(memory);
  const code = new Code({ name: "f", ...type });
  write(code);
  module.add(code);
  return module;
}

const NOTHING = { params: [], results: [] };

/** Every way to give an instruction its immediates. */
function forms(name: string, { immediate }: Instruction): ((code: Code) => void)[] {
  const bits = /lane/.test(name) ? Number(/store(\d+)_lane/.exec(name)?.[1] ?? 0) : 0;
  const lanes = bits > 0 ? 128 / bits : Number(/x(\d+)\./.exec(name)?.[1] ?? 0);
  const eachLane = Array.from({ length: lanes }, (_, lane) => lane);
  switch (immediate) {
    case "none":
      return [(code) => code.op(name)];
    case "memory":
      return OFFSETS.map((offset) => (code) => code.memory(name, offset));
    case "lane":
      return eachLane.map((lane) => (code) => code.lane(name, lane));
    case "memory lane":
      return eachLane.flatMap((lane) =>
        OFFSETS.map((offset) => (code: Code) => code.memoryLane(name, lane, offset))
      );
  }
}

for (const shared of [false, true]) {
  Deno.test(`every instruction has wabt's bytes, ${shared ? "" : "un"}shared memory`, () => {
    const module = new Module({ ...MEMORY, shared });
    let count = 0;
    for (const [name, instruction] of instructions) {
      const ways = forms(name, instruction);
      assert(ways.length > 0, `${name} is tried`);
      for (const write of ways) {
        const { takes, gives } = instruction;
        const code = new Code({ name: `f${count++}`, params: takes, results: gives });
        takes.forEach((_, i) => code.get(code.param(i)));
        write(code);
        module.add(code);
      }
    }
    assert(count > instructions.size, "some take an immediate");
    assertAssembles(module, "the table");
  });
}

Deno.test("each instruction alone has wabt's bytes", () => {
  for (const [name, instruction] of instructions) {
    const { takes, gives } = instruction;
    const module = moduleOf({ params: takes, results: gives }, (code) => {
      takes.forEach((_, i) => code.get(code.param(i)));
      forms(name, instruction).at(-1)!(code);
    });
    assertAssembles(module, name);
  }
});

Deno.test("constants keep their bits", () => {
  const integers = [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8192, -8193, 2 ** 20];
  integers.push(2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1, 2 ** 31);
  const doubles = [0, -0, 1, -1.5, 0.1, Infinity, -Infinity, NaN, 5e-324, 1.7976931348623157e308];
  doubles.push(1e21, -1e-7, Math.PI, 2 ** 53, 123456789012345680000);
  const module = moduleOf(NOTHING, (code) => {
    const [i, f, v] = [code.local("i32"), code.local("f64"), code.local("v128")];
    for (const value of integers) code.i32(value).set(i);
    for (const value of doubles) code.f64(value).set(f);
    for (const value of doubles) code.splat("f32x4", value).set(v).splat("f64x2", value).set(v);
    for (const value of [0, 1, 0x7f800001, 0x80000000, 0xffffffff]) {
      code.bits("i32x4", value).set(v);
    }
    for (const value of [0n, 1n, 0xffff_ffff_ffff_ffffn, 0x7ff0_0000_0000_0001n]) {
      code.bits("i64x2", value).set(v);
    }
  });
  assertAssembles(module, "constants");
});

Deno.test("what a constant pushes is what was asked for, by running it", () => {
  const values = [0, -0, 1e-45, -3.5, Infinity, NaN, 2 ** 127, 1 / 3];
  const module = moduleOf({ params: ["i32"], results: [] }, (code) => {
    values.forEach((value, i) => {
      code.get(code.param(0)).splat("f32x4", value).memory("v128.store", 1024 + 16 * i);
      code.get(code.param(0)).splat("f64x2", value).memory("v128.store", 2048 + 16 * i);
      code.get(code.param(0)).f64(value).memory("f64.store", 4096 + 8 * i);
      code.get(code.param(0)).i32(-(2 ** i)).memory("i32.store", 8192 + 4 * i);
    });
  });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_535 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), {
    env: { memory },
  });
  (exports.f as (at: number) => void)(0);
  const view = new DataView(memory.buffer);
  values.forEach((value, i) => {
    for (let lane = 0; lane < 4; lane++) {
      assertEquals(view.getFloat32(1024 + 16 * i + 4 * lane, true), Math.fround(value));
    }
    for (let lane = 0; lane < 2; lane++) {
      assertEquals(view.getFloat64(2048 + 16 * i + 8 * lane, true), value);
    }
    assertEquals(view.getFloat64(4096 + 8 * i, true), value);
    assertEquals(view.getInt32(8192 + 4 * i, true), -(2 ** i));
  });
});

Deno.test("locals, blocks, loops, branches and shuffles have wabt's bytes", () => {
  const module = moduleOf({ params: ["i32", "v128", "f32"], results: ["v128"] }, (code) => {
    const types = ["i32", "i32", "v128", "f64", "f32", "i64", "v128", "v128"] as const;
    const locals = types.map((type) => code.local(type));
    code.block(() => {
      code.loop(() => {
        code.get(code.param(0)).op("i32.eqz").branchIf(1);
        code.block(() => {
          code.loop(() => code.get(code.param(0)).tee(locals[0]).branchIf(3));
          code.i32(1).branchIf(0);
        });
        code.get(code.param(0)).i32(1).op("i32.sub").set(code.param(0));
        code.branch(0);
      });
    });
    code.get(code.param(2)).op("f32x4.splat").set(locals[2]);
    code.get(code.param(1)).get(locals[2]);
    code.shuffle(0, 31, 1, 30, 2, 29, 3, 28, 4, 27, 5, 26, 6, 25, 7, 24);
  });
  assertAssembles(module, "structure");
});

Deno.test("hundreds of locals and functions, and long bodies, have wabt's bytes", () => {
  const module = new Module({ shared: true, initial: 200, maximum: 40_000 });
  for (let k = 0; k < 300; k++) {
    const code = new Code({ name: `f${k}`, params: ["i32"], results: ["i32"] });
    const locals = Array.from({ length: k }, (_, i) => code.local(i % 200 < 150 ? "i32" : "f64"));
    code.get(code.param(0));
    for (const local of locals) if (local.type === "i32") code.tee(local);
    if (k > 0) code.call(k - 1, { name: "", params: ["i32"], results: ["i32"] });
    module.add(code);
  }
  assertAssembles(module, "many");
  const long = moduleOf({ params: ["v128"], results: ["v128"] }, (code) => {
    code.get(code.param(0));
    for (let i = 0; i < 20_000; i++) code.get(code.param(0)).op("f32x4.add");
  });
  assert(long.bytes().length > 2 ** 16, "the body's length takes three bytes");
  assertAssembles(long, "long");
});

Deno.test("imports come before functions in the order of indices, and types are written once", () => {
  const log: FunctionType = { name: "log", params: ["f64", "i32"], results: [] };
  const twice: FunctionType = { name: "twice", params: ["i32"], results: ["i32"] };
  const module = new Module({ ...MEMORY, shared: true }, [log, twice]);
  const own = new Code({ name: "own", params: ["i32"], results: ["i32"] });
  own.get(own.param(0)).call(1, twice);
  const index = module.add(own);
  assertEquals(index, 2);
  const last = new Code({ name: "n".repeat(200), params: ["f64", "i32"], results: [] });
  last.get(last.param(0)).get(last.param(1)).call(index, own.type).call(0, log);
  module.add(last);
  assertAssembles(module, "calls");
});

Deno.test("memories are imported as they are declared", () => {
  for (const shared of [false, true]) {
    for (const [initial, maximum] of [[0, 0], [0, 1], [1, 127], [128, 16_384], [1, 65_536]]) {
      const module = moduleOf(NOTHING, () => {}, { shared, initial, maximum });
      assertAssembles(module, `${initial} to ${maximum}`);
    }
  }
});

/** What a backend would run of a program whose leaves are `dtype`. */
function groupOf(
  program: Program,
  dtype: GroupRun["dtype"],
  mode: "step" | "update",
  stored?: Stored,
  rank = 0,
): GroupRun {
  const structural: Structural = new Map(
    [...program.hyper].flatMap(([name, value]) =>
      typeof value === "boolean" ? [[name, constant(Number(value))] as const] : []
    ),
  );
  const live = statesKept(program, [structural], []);
  const kinds = [...live].filter((name) => program.state.get(name)!.over !== "tree")
    .map((name) => stateKind(program, name, stored ?? dtype));
  const arrays = arraysOf(mode, dtype, [{ name: "g", dtype }], kinds, true);
  const variant = variantOf(program, {
    structural,
    guards: [],
    live,
    mode,
    axes: Array.from({ length: rank }, (_, axis) => axis),
    backend: "wasm",
    dtypes: typesOf(arrays),
  });
  return { ...variant, ...arrays, backend: "wasm", symbols: new Map() };
}

function assertGroupAssembles(group: GroupRun, shared: boolean, what: string): Module {
  const { plan, dtype, inputs, outputs } = group;
  const memory = { ...MEMORY, shared };
  const module = renderModule(plan, dtype, inputs, outputs, memory);
  assertAssembles(module, what);
  return module;
}

const lamb = optimizer({
  name: "lamb",
  hyper: { learningRate: 0.1, b1: 0.9, b2: 0.999, eps: 1e-6, weightDecay: 0.01 },
  state: { m: 0, v: 0, r: { init: 1, over: "tensor" } },
  step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    x = (m/(1 - b1^t))/(sqrt(v/(1 - b2^t)) + eps) + weightDecay*w
    r = where(norm(w) > 0, where(norm(x) > 0, norm(w)/norm(x), 1), 1) + 0*max(x) + 0*min(x)
    u = -learningRate*r*x
  `,
});
const optimizers: Readonly<Record<string, Optimizer>> = {
  lion: lion({ learningRate: 0.1 }),
  adamw: adamw({ learningRate: 0.1 }),
  momentum: sgd({ learningRate: 0.1, momentum: 0.9 }),
  clipped: chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 })),
  lamb: lamb({}),
};

for (const [name, { program }] of Object.entries(optimizers)) {
  Deno.test(`${name} renders to wabt's bytes in every type, mode and memory`, () => {
    for (const mode of ["step", "update"] as const) {
      for (const shared of [false, true]) {
        for (const stored of STORAGES) {
          const group = groupOf(program, "float32", mode, stored);
          assert(isRunnable(group), `${name} with ${JSON.stringify(stored)} runs here`);
          assertGroupAssembles(
            group,
            shared,
            `${name} ${mode} ${shared} ${JSON.stringify(stored)}`,
          );
        }
        const wide = groupOf(program, "float64", mode);
        assert(isRunnable(wide), `${name} in float64 runs here`);
        assertGroupAssembles(wide, shared, `${name} ${mode} ${shared} float64`);
      }
    }
  });
}

Deno.test("programs that call routines render to wabt's bytes, one routine or all", () => {
  const spelled = [...routineTypes.keys()].map((op) => {
    const { syntax, takes } = elementOps[op];
    return "call" in syntax ? `${syntax.call}(${["w", "g"].slice(0, takes.length)})` : "abs(w)^g";
  });
  assert(spelled.length > 10, "there are routines");
  for (const value of [...spelled, spelled.join(" + ")]) {
    const program = parseProgram({ name: "routines", step: `u = ${value}` });
    const module = assertGroupAssembles(groupOf(program, "float32", "update"), true, value);
    assert(/call \d/.test(module.text()), `${value} calls a routine`);
  }
});

Deno.test("random programs render to wabt's bytes", () => {
  for (const rank of [0, 3]) {
    let runnable = 0;
    let overAxes = 0;
    const law = fc.property(
      anyProgram({ rank }),
      fc.boolean(),
      fc.boolean(),
      (generated, a, b) => {
        const program = parseProgram(generated.document);
        const dtype = a ? "float64" : "float32";
        const group = groupOf(program, dtype, b ? "step" : "update", undefined, rank);
        if (!isRunnable(group)) return;
        runnable++;
        if (passesOf(group.plan).some(({ axes }) => axes !== undefined)) overAxes++;
        assertGroupAssembles(group, b, program.name);
      },
    );
    fc.assert(law, { numRuns: 300, seed: 8 });
    assert(runnable > 150, `${runnable} of rank ${rank} run here`);
    assert(rank === 0 || overAxes > 60, `${overAxes} of rank ${rank} go through axes`);
  }
});

Deno.test("wrong operands are refused where they are pushed, by instruction and function", () => {
  const code = () => new Code({ name: "kernel", params: ["i32", "v128"], results: [] });
  const refuse = (write: (code: Code) => void, ...parts: string[]) =>
    assertThrows(() => write(code()), Error, ...parts, "kernel");
  refuse((code) => code.op("f32x4.add"), "f32x4.add in kernel takes [v128,v128]", "given []");
  refuse(
    (code) => code.get(code.param(1)).op("f32x4.add"),
    "f32x4.add in kernel takes [v128,v128] and was given [v128]",
  );
  refuse(
    (code) => code.get(code.param(1)).get(code.param(0)).op("f32x4.mul"),
    "f32x4.mul in kernel takes [v128,v128] and was given [v128,i32]",
  );
  refuse(
    (code) => code.get(code.param(1)).memory("v128.load", 16),
    "v128.load offset=16",
    "[v128]",
  );
  refuse((code) => code.get(code.param(1)).set(code.param(0)), "local.set 0", "[i32]", "[v128]");
  refuse((code) => code.get(code.param(1)).branchIf(0), "br_if 0", "[i32]", "[v128]");
  refuse(
    (code) => code.i32(1).call(7, { name: "f", params: ["f64"], results: [] }),
    "call 7",
    "[f64]",
    "[i32]",
  );
  refuse(
    (code) => code.i32(1).i32(2).shuffle(...new Array(16).fill(0)),
    "i8x16.shuffle",
    "[i32,i32]",
  );
});

Deno.test("unknown instructions and wrong immediates are refused, by instruction and function", () => {
  const code = () => new Code({ name: "kernel", params: ["i32", "v128"], results: [] });
  const refuse = (write: (code: Code) => void, ...parts: string[]) =>
    assertThrows(() => write(code()), Error, ...parts, "kernel");
  refuse((code) => code.op("f32x4.fma"), "f32x4.fma");
  refuse((code) => code.get(code.param(0)).memory("v128.load8", 0), "v128.load8");
  refuse((code) => code.get(code.param(0)).memoryLane("v128.store8_lane", 0), "v128.store8_lane");
  refuse((code) => code.get(code.param(1)).lane("i8x16.extract_lane", 0), "i8x16.extract_lane");
  refuse((code) => code.get(code.param(0)).op("v128.load"), "v128.load", "memory");
  refuse((code) => code.get(code.param(1)).lane("f32x4.sqrt", 0), "f32x4.sqrt", "lane");
  refuse((code) => code.get(code.param(1)).memory("f32x4.abs"), "f32x4.abs", "memory");
});

Deno.test("blocks and functions that leave or take too much are refused, by name", () => {
  const code = () => new Code({ name: "kernel", params: ["i32"], results: ["i32"] });
  const refuse = (write: (code: Code) => unknown, ...parts: string[]) =>
    assertThrows(() => write(code()), Error, ...parts, "kernel");
  refuse((code) => code.block(() => code.i32(1)), "block", "leaves [i32]");
  refuse((code) => code.loop(() => code.i32(1).i32(2)), "loop", "leaves [i32,i32]");
  refuse((code) => code.i32(1).block(() => code.op("drop")), "drop", "given []");
  // Even if it puts back as much as it took: an engine would refuse it.
  refuse((code) => code.i32(1).block(() => code.op("i32.eqz")), "i32.eqz", "given []");
  refuse((code) => code.i32(1).loop(() => code.op("drop").i32(2)), "drop", "given []");
  refuse((code) => code.bytes(), "leaves []", "must leave [i32]");
  refuse((code) => code.f64(1).bytes(), "leaves [f64]", "must leave [i32]");
  refuse((code) => code.i32(1).i32(2).bytes(), "leaves [i32,i32]");
});
