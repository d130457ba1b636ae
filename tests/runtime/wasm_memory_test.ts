/** Arrays in WebAssembly memory: they stay where they are, and what is given back is used again. */
import fc from "fast-check";
import {
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  factory,
  GradusError,
  lion,
  type Optimizer,
  parseProgram,
  release,
  resident,
  sgd,
  type Tensor,
} from "../../mod.ts";
import {
  allocateResident,
  Arena,
  type Block,
  blockOf,
  isReleased,
} from "../../runtime/trees/arena.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import type { Report } from "./many_calls.ts";
import { randomArray } from "./random.ts";
import { assertSameBits } from "./same_bits.ts";

const MIB = 2 ** 20;

function arenaOf(array: Float32Array | Float64Array | Uint16Array): Arena {
  const block = blockOf(array);
  assert(block !== undefined, "the array is resident");
  return block.arena;
}

function bytesOf(array: Float32Array): number {
  return arenaOf(array).memory.buffer.byteLength;
}

/** A tree of every kind of leaf. */
function mixedTree(seed: number) {
  return {
    bare: randomArray(1_001, seed),
    tensor: { data: randomArray(6, seed + 1), shape: [2, 3] } as Tensor,
    wide: new Float64Array(randomArray(77, seed + 2)),
    none: new Float32Array(0),
    hollow: { data: new Float64Array(0), shape: [3, 0] } as Tensor,
    one: [randomArray(1, seed + 3)],
  };
}

Deno.test("a resident tree has the leaves and numbers of the one it was made from", () => {
  const tree = mixedTree(1);
  using placed = resident(tree);
  assertSameBits(placed, tree, "");
  assertEquals(Object.keys(placed), Object.keys(tree));
  for (const array of [placed.bare, placed.tensor.data, placed.wide, placed.none, placed.one[0]]) {
    const block = blockOf(array)!;
    assertEquals(block.address, array.byteOffset);
    assertEquals(block.address % 64, 0);
    assert(array.byteLength <= block.bytes, "the block holds it");
  }
  assert(placed.tensor.shape !== tree.tensor.shape, "the shape is the tree's own");
});

Deno.test("views stay what they are while others make the memory grow", () => {
  const kept = randomArray(5_000, 7);
  using first = resident({ a: kept, b: new Float64Array(kept) });
  const [view, buffer] = [first.a, first.a.buffer];
  const before = bytesOf(first.a);
  const others: Disposable[] = [];
  // What was given back before is used first, however much it is.
  for (let k = 1; k <= 20 || bytesOf(first.a) <= before + 30 * MIB; k++) {
    others.push(resident({ x: randomArray(300_000, k), y: [new Float64Array(100_000).fill(k)] }));
    assert(first.a === view && view.buffer === buffer, "the tree still holds the view");
    assertEquals(view.length, 5_000);
    assertEquals(first.b.byteLength, 40_000);
  }
  assertSameBits(view, kept, "the view");
  assertSameBits(first.b, new Float64Array(kept), "the wide view");

  // What a step writes after growth is seen through the views from before it.
  const opt = sgd({ learningRate: 1 });
  using gradients = resident({ a: kept, b: new Float64Array(kept) });
  using state = opt.init(first);
  opt.step(first, gradients, state);
  assertEquals(view.every((value) => value === 0), true);
  assertEquals(first.b.every((value) => value === 0), true);
  for (const other of others) other[Symbol.dispose]();
});

Deno.test("placing and releasing in a loop takes no more memory than the first few rounds", () => {
  const tree = { a: randomArray(262_144, 1), b: [randomArray(1_000, 2), new Float64Array(9)] };
  const opt = adamw({ learningRate: 0.1 });
  const before = bytesOf(resident(new Float32Array(1)));
  let early = 0;
  for (let round = 0; round < 400; round++) {
    const params = resident(tree);
    const state = opt.init(params);
    const bytes = bytesOf(params.a);
    if (round === 5) early = bytes;
    if (round > 5) assertEquals(bytes, early, `round ${round}`);
    if (round < 3) opt.step(params, tree, state);
    release(params);
    release(state);
  }
  assert(early < before + 64 * MIB, "and that is little");
});

Deno.test("trees placed and released in any order share bounded memory", () => {
  const live: { readonly tree: Float32Array[] & Disposable; readonly seed: number }[] = [];
  let most = 0;
  for (let round = 0; round < 600; round++) {
    const size = 1 + (round * 7_919) % 40_000;
    const tree = resident([randomArray(size, round + 1), randomArray(3, round + 2)]);
    live.push({ tree, seed: round });
    if (round === 100) most = bytesOf(tree[0]);
    if (live.length > 20) {
      const [{ tree, seed }] = live.splice((round * 31) % live.length, 1);
      assertSameBits(
        [...tree],
        [randomArray(tree[0].length, seed + 1), randomArray(3, seed + 2)],
        "",
      );
      release(tree);
    }
    const { tree: any } = live[0];
    assert(most === 0 || bytesOf(any[0]) <= 2 * most + 4 * MIB, `round ${round}`);
  }
  live.forEach(({ tree }) => release(tree));
});

Deno.test("`using` gives a tree's memory back at the end of its scope", () => {
  let inner: Float32Array;
  let address: number;
  {
    using params = resident({ w: randomArray(100, 1) });
    inner = params.w;
    address = inner.byteOffset;
    assert(!isReleased(inner), "within the scope it is in use");
  }
  assert(isReleased(inner), "after it, not");
  assertEquals(blockOf(inner), undefined);
  using next = resident({ w: randomArray(100, 2) });
  assertEquals(next.w.byteOffset, address);
});

Deno.test("releasing twice, or what is not resident, does nothing", () => {
  const params = resident({ w: randomArray(64, 1), x: randomArray(64, 2) });
  const ordinary = { w: randomArray(3, 1) };
  release(ordinary);
  assertEquals(ordinary, { w: randomArray(3, 1) });
  assertEquals(lion({ learningRate: 1 }).init(ordinary).count, 0);
  release(params);
  // A second release must not give away what has taken the place.
  using a = resident({ w: randomArray(64, 3) });
  release(params);
  params[Symbol.dispose]();
  using b = resident({ w: randomArray(64, 4) });
  using c = resident({ w: randomArray(64, 5) });
  const places = new Set([a, b, c].map(({ w }) => w.byteOffset));
  assertEquals(places.size, 3);
  assertSameBits([a.w, b.w, c.w], [3, 4, 5].map((seed) => randomArray(64, seed)), "");
});

Deno.test("new resident arrays are zeroed where others were before", () => {
  const first = resident({ w: new Float32Array(1_000).fill(NaN) });
  const address = first.w.byteOffset;
  release(first);
  const array = allocateResident(new Float32Array(1_000));
  assertEquals(array.byteOffset, address);
  assert(array.every((value) => value === 0), "nothing is left of the former");
  release([array]);
});

Deno.test("released arrays are refused by everything that would read or write them", () => {
  const opt = adamw({ learningRate: 0.1 });
  const ordinary = () => ({ w: Float32Array.of(1, 2, 3) });
  const gone = resident(ordinary());
  const state = opt.init(gone);
  const lost = opt.init(gone);
  release(gone);
  release(lost);
  const message = ["given back by `release`"];
  const params = ordinary();
  const own = opt.init(params);
  assertThrows(() => opt.step(gone, ordinary(), own), GradusError, ...message);
  assertThrows(() => opt.step(params, gone, own), GradusError, ...message);
  assertThrows(() => opt.step(params, ordinary(), lost), GradusError, ...message);
  assertThrows(() => opt.update(gone, own, params), GradusError, ...message);
  assertThrows(() => opt.update(ordinary(), lost, params), GradusError, ...message);
  assertThrows(() => opt.update(ordinary(), own, gone), GradusError, ...message);
  assertEquals([params, own.count, state.count], [ordinary(), 0, 0]);
  release(state);
});

Deno.test("released parameters are refused by `init`, `resident` and `applyUpdates`", () => {
  const gone = resident({ w: Float32Array.of(1, 2, 3) });
  release(gone);
  const updates = { w: Float32Array.of(1, 2, 3) };
  const message = "given back by `release`";
  assertThrows(() => adamw({ learningRate: 0.1 }).init(gone), GradusError, message);
  assertThrows(() => resident(gone), GradusError, message);
  assertThrows(() => applyUpdates(gone, updates), GradusError, message);
  assertThrows(() => applyUpdates(updates, gone), GradusError, message);
});

Deno.test("an array released between steps of the same trees is refused at the next", () => {
  const opt = lion({ learningRate: 0.5, weightDecay: 0 });
  const params = { a: resident([Float32Array.of(1)])[0], b: Float32Array.of(1) };
  const gradients = { a: Float32Array.of(1), b: Float32Array.of(1) };
  const state = opt.init(params);
  for (let step = 0; step < 3; step++) opt.step(params, gradients, state);
  release([params.a]);
  assertThrows(() => opt.step(params, gradients, state), GradusError, "given back by `release`");
  assertEquals([params.b[0], state.count], [-0.5, 3]);
  params.a = Float32Array.of(-0.5);
  opt.step(params, gradients, state);
  assertEquals([params.a[0], params.b[0], state.count], [-1, -1, 4]);
  release(state);
});

Deno.test("releasing one tree leaves the steps of others as they were", () => {
  const opt = adamw({ learningRate: 0.1 });
  using params = resident({ w: randomArray(100, 1) });
  const expected = { w: randomArray(100, 1) };
  using state = opt.init(params);
  const own = opt.init(expected);
  for (let step = 0; step < 5; step++) {
    const gradients = { w: randomArray(100, 10 + step) };
    using other = resident(gradients);
    opt.step(params, other, state);
    opt.step(expected, gradients, own);
    assertSameBits({ ...params }, expected, `step ${step}`);
  }
});

Deno.test("arrays of different memories meet in one step", () => {
  const [first, second] = [Arena.of(MIB, true), Arena.of(MIB, false)];
  const placed = (array: Float32Array, arena: Arena) => {
    const there = allocateResident(array, arena);
    there.set(array);
    return there as Float32Array;
  };
  for (const size of [1, 5, 4_097, 20_000]) {
    const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 }));
    const ordinary = () => ({ a: randomArray(size, 1), b: randomArray(size + 1, 2) });
    const expected = ordinary();
    const params = {
      a: placed(expected.a, first),
      b: placed(expected.b, second),
    };
    const state = opt.init(params);
    const own = opt.init(expected);
    for (let step = 0; step < 3; step++) {
      const gradients = { a: randomArray(size, 10 + step), b: randomArray(size + 1, 20 + step) };
      const [a, b] = [placed(gradients.a, second), placed(gradients.b, first)];
      opt.step(params, { a, b }, state);
      opt.step(expected, gradients, own);
      const [updates] = opt.update({ a, b }, state, params);
      assertSameBits(updates, opt.update(gradients, own, expected)[0], `update ${step} of ${size}`);
      release([a, b]);
    }
    assertSameBits(params, expected, `${size}`);
    assertSameBits(structuredClone({ ...state }), structuredClone({ ...own }), `${size}`);
    assertEquals([arenaOf(params.a), arenaOf(params.b)], [first, second]);
    release(params);
    release(state);
  }
});

Deno.test("a memory that cannot grow leaves room for the working space of steps", () => {
  const fixed = Arena.of(12 * MIB, false);
  const opt = adamw({ learningRate: 0.1 });
  const place = (array: Float32Array) => {
    const there = allocateResident(array, fixed);
    there.set(array);
    return there as Float32Array;
  };
  const params = { a: place(randomArray(2 * MIB, 1)) };
  assertEquals(arenaOf(params.a), fixed);
  // Whatever is left for arrays is taken, in blocks of every size.
  const filling: Float32Array[] = [];
  for (let bytes = 16 * MIB; bytes >= 64; bytes /= 2) {
    for (let block = fixed.allocate(bytes); block !== undefined; block = fixed.allocate(bytes)) {
      filling.push(new Float32Array(fixed.memory.buffer, block.address, block.bytes / 4));
    }
  }
  assert(filling.length > 3, "there is some");
  for (const array of filling) array.fill(1.5);
  const expected = { a: randomArray(2 * MIB, 1) };
  const gradients = { a: randomArray(2 * MIB, 2) };
  const [state, own] = [opt.init(params), opt.init(expected)];
  assert(arenaOf((state.m as typeof params).a) !== fixed, "the state is elsewhere");
  opt.step(params, gradients, state);
  opt.step(expected, gradients, own);
  assert(params.a.every((value, i) => Object.is(value, expected.a[i])), "the bits are the same");
  assert(filling.every((array) => array.every((value) => value === 1.5)), "nothing else changed");
  release(state);
});

type Action = { readonly bytes: number } | { readonly free: number };

Deno.test("blocks of an arena never overlap, and what is free is merged and used again", () => {
  const actions = fc.array(
    fc.oneof(
      fc.record({ bytes: fc.oneof(fc.nat(300), fc.nat(50_000), fc.constantFrom(0, 63, 64, 65)) }),
      fc.record({ free: fc.nat() }),
    ) as fc.Arbitrary<Action>,
    { minLength: 1, maxLength: 80 },
  );
  for (const isShared of [true, false]) {
    // One arena for all runs: each must leave it as it found it.
    const arena = Arena.of(MIB, isShared);
    assertEquals(arena.isShared, isShared);
    const sizeOf = () => arena.memory.buffer.byteLength;
    const law = fc.property(actions, (actions) => {
      const live: Block[] = [];
      for (const action of actions) {
        if ("bytes" in action) {
          const block = arena.allocate(action.bytes)!;
          assert(block.bytes >= action.bytes && block.bytes < action.bytes + 128, "it fits");
          assertEquals([block.address % 64, block.bytes % 64, block.address >= 64], [0, 0, true]);
          assert(block.address + block.bytes <= sizeOf(), "it is within the memory");
          for (const { address, bytes } of live) {
            const isApart = address + bytes <= block.address ||
              block.address + block.bytes <= address;
            assert(isApart, `${address} + ${bytes} meets ${block.address} + ${block.bytes}`);
          }
          live.push(block);
        } else if (live.length > 0) {
          const [block] = live.splice(action.free % live.length, 1);
          arena.free(block);
          if (action.free % 3 === 0) {
            // What was given back last is room for as much again.
            const size = sizeOf();
            const again = arena.allocate(block.bytes)!;
            assertEquals(sizeOf(), size);
            arena.free(again);
          }
        }
      }
      const total = live.reduce((sum, { bytes }) => sum + bytes, 0);
      while (live.length > 0) arena.free(live.splice((7 * live.length) >> 3, 1)[0]);
      const whole = arena.allocate(Math.max(64, total))!;
      assertEquals(whole.address, 64, "all that was free is one again");
      arena.free(whole);
    });
    fc.assert(law, { numRuns: 300, seed: 11 });
  }
});

Deno.test("two neighbours given back make room for one of both sizes", () => {
  const arena = Arena.of(0, true);
  const blocks = Array.from({ length: 5 }, () => arena.allocate(640)!);
  arena.free(blocks[2]);
  arena.free(blocks[1]);
  assertEquals(arena.allocate(1_280)?.address, blocks[1].address);
  arena.free(blocks[3]);
  assertEquals(arena.allocate(600)?.address, blocks[3].address);
  assertEquals(arena.allocate(64)?.address, blocks[4].address + 640);
});

Deno.test("a memory that cannot be shared never grows, and says when it is full", () => {
  const arena = Arena.of(0, false);
  const size = arena.memory.buffer.byteLength;
  const { buffer } = arena.memory;
  assertEquals(arena.allocate(size), undefined);
  let blocks = 0;
  while (arena.allocate(MIB) !== undefined) blocks++;
  assert(blocks > 8 && arena.memory.buffer === buffer && buffer.byteLength === size, `${blocks}`);
});

Deno.test("states of resident parameters are resident, in their memory; updates are ordinary", () => {
  const opt = adamw({ learningRate: 0.1, muDtype: "bfloat16" });
  using params = resident(mixedTree(1));
  using gradients = resident(mixedTree(5));
  using state = opt.init(params);
  const leaves = (tree: unknown): (Float32Array | Uint16Array)[] =>
    ArrayBuffer.isView(tree)
      ? [tree as Float32Array]
      : typeof tree === "object" && tree !== null
      ? Object.values(tree).flatMap(leaves)
      : [];
  const all = leaves(state);
  assertEquals(all.length, 12);
  assertEquals(all.filter((array) => array instanceof Uint16Array).length, 6);
  assert(all.every((array) => arenaOf(array) === arenaOf(params.bare)), "all beside them");
  const ordinary = opt.init(mixedTree(1));
  assertSameBits({ ...state }, { ...ordinary }, "");

  const [updates, next] = opt.update(gradients, state, params);
  const [expected, after] = opt.update(mixedTree(5), ordinary, mixedTree(1));
  for (const array of leaves([updates, next])) {
    assertEquals(blockOf(array), undefined);
    assert(array.buffer instanceof ArrayBuffer, "in memory of its own");
  }
  assertSameBits(updates, expected, "the updates");
  assertSameBits({ ...next }, { ...after }, "the next state");
  assertSameBits({ ...state }, { ...ordinary }, "the state from before");
});

const optimizers: Readonly<Record<string, Optimizer>> = {
  lion: lion({ learningRate: 0.1, muDtype: "float16" }),
  "clipped adamw": chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 })),
  "a trust ratio": factory(parseProgram({
    name: "trust",
    state: { m: 0, r: { init: 1, over: "tensor" }, s: { init: 0, over: "tree" } },
    step: "m = 0.9*m + 0.1*g\nr = norm(w)/(norm(m) + 1)\ns = s + globalMax(g)\nu = -r*m - s*w",
  }))(),
};

for (const [name, opt] of Object.entries(optimizers)) {
  Deno.test(`${name} on resident arrays has the bits it has on ordinary ones`, () => {
    const expected = mixedTree(1);
    using params = resident(mixedTree(1));
    using state = opt.init(params);
    const own = opt.init(expected);
    for (let step = 1; step <= 4; step++) {
      using gradients = resident(mixedTree(10 * step));
      opt.step(params, gradients, state);
      opt.step(expected, mixedTree(10 * step), own);
    }
    assertSameBits({ ...params }, expected, "the parameters");
    assertSameBits({ ...state }, { ...own }, "the state");
    assertEquals(params.bare.every(Number.isFinite), true);
  });
}

Deno.test("functional calls hold nothing: a million updates take no more memory than a few", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--v8-flags=--expose-gc", "tests/runtime/many_calls.ts"],
    cwd: new URL("../../", import.meta.url),
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const { calls, left }: Report = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(left, 0, "arrays that optimizers of before had are held");
  for (const [what, [early, late]] of Object.entries(calls)) {
    // In a million calls, 6 bytes or more that each leaves would be found in what is made here.
    for (const kind of ["heap", "external"] as const) {
      const grown = late[kind] - early[kind];
      assert(grown < MIB, `${what}: ${kind} from ${early[kind]} to ${late[kind]}`);
    }
    assert(late.resident - early.resident < 150 * MIB, `${what}: all from ${early.resident}`);
    assertEquals([late.wasm, late.made], [early.wasm, early.made], what);
    assert(late.wasm < 32 * MIB, `${what}: ${late.wasm}`);
  }
});
