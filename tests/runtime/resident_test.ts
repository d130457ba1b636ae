/** Arrays made in WebAssembly memory for whoever computes gradients. */
import { adamw, GradusError, like, release, resident, zeros } from "../../mod.ts";
import { blockOf } from "../../runtime/trees/arena.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { randomWords } from "../numbers.ts";

Deno.test("a tree like another is of zeros, in the same memory", () => {
  using params = resident({
    a: Float32Array.of(1, 2),
    b: [{ data: Float64Array.of(3, 4), shape: [1, 2] }],
  });
  using made = like(params);
  assertEquals(structuredClone(made.b[0].shape), [1, 2]);
  assertEquals([Array.from(made.a), Array.from(made.b[0].data)], [[0, 0], [0, 0]]);
  assert(made.b[0].data instanceof Float64Array);
  const arena = (array: Float32Array | Float64Array) => blockOf(array)?.arena;
  assert(arena(params.a) !== undefined);
  assertEquals([arena(made.a), arena(made.b[0].data)], [arena(params.a), arena(params.a)]);
  // Of an ordinary tree too.
  using beside = like({ x: Float32Array.of(7) });
  assert(blockOf(beside.x) !== undefined);
  assertEquals(Array.from(beside.x), [0]);
});

Deno.test("memory that is taken again is zero again", () => {
  const first = zeros([3]);
  first.data.fill(7);
  release(first);
  using second = zeros([3]);
  assertEquals(Array.from(second.data), [0, 0, 0]);
});

Deno.test("a step on such arrays is that on ordinary ones", () => {
  const opt = adamw({ learningRate: 0.1 });
  using w = resident({ x: Float32Array.of(1, -2, 3) });
  using g = like(w);
  g.x.set([0.5, 0.25, -1]);
  using state = opt.init(w);
  opt.step(w, g, state);
  const plain = { x: Float32Array.of(1, -2, 3) };
  opt.step(plain, { x: Float32Array.of(0.5, 0.25, -1) }, opt.init(plain));
  assertEquals(Array.from(w.x), Array.from(plain.x));
});

Deno.test("what is given back in any order is one place again", () => {
  const next = randomWords(3);
  const address = ({ data }: { readonly data: Float32Array | Float64Array }) =>
    blockOf(data)!.address;
  const size = 16 * 600;
  const first = zeros([size]);
  const at = address(first);
  release(first);
  for (const most of [1, 3, 50]) {
    const parts = Array.from({ length: 600 / most }, () => zeros([16 * (1 + next() % most)]));
    assert(parts.some((part) => address(part) === at));
    while (parts.length > 0) release(parts.splice(next() % parts.length, 1)[0]);
    using whole = zeros([size]);
    assertEquals(address(whole), at);
  }
});

Deno.test("a tree for which there is not enough memory takes none", () => {
  const place = () => {
    using made = zeros([16]);
    return blockOf(made.data)!.address;
  };
  const at = place();
  // Nothing is ever written there, so that it takes no memory.
  const large = { a: new Float32Array(16), b: new Float32Array(2 ** 30) };
  const says = "one array may have at most 4227858432 bytes there: given 4294967296";
  assertThrows(() => like(large), GradusError, says);
  assertEquals(place(), at);
});

Deno.test("a tree of any depth is released, cycles too", () => {
  const made = zeros([1]);
  let tree: Record<string, unknown> = { made };
  const end = tree;
  for (let i = 0; i < 100_000; i++) tree = { tree };
  end.again = tree;
  release(tree);
  assertEquals(blockOf(made.data), undefined);
});

Deno.test("what is no shape is refused", () => {
  for (const shape of [[-1], [1.5], 3, [NaN], ["2"], [2 ** 40, 2 ** 40]]) {
    assertThrows(
      () => zeros(shape as number[]),
      Error,
      "Cannot make a resident tensor of zeros: its shape must be a list of whole numbers from 0 on",
    );
  }
  assertThrows(() => like({ a: "b" }), Error, "Cannot make a resident tree like another");
});
