/** How leaves are bound, held without a GPU: a buffer is an object here that nobody asks anything. */
import { dispatchesOf } from "../../runtime/backends/webgpu/pieces.ts";
import { assertEquals } from "../assert.ts";

const tensor = (buffer: GPUBuffer, offset: number, size: number) =>
  ({ buffer, offset, shape: [size], dtype: "float32" }) as const;
const buffers = Array.from({ length: 4 }, () => ({}) as GPUBuffer);
const [a, b, c] = buffers;

Deno.test("leaves side by side in the same buffers are worked on at once", () => {
  const leaves = [0, 1, 2].map((leaf) => ({
    leaf,
    size: 64,
    tensors: [tensor(a, 256 * leaf, 64), tensor(b, 256 * leaf, 64)],
  }));
  const dispatches = dispatchesOf(leaves, 4, 2 ** 20, 4096);
  assertEquals(dispatches, [{
    ranges: [{ buffer: a, offset: 0, size: 768 }, { buffer: b, offset: 0, size: 768 }],
    pieces: [0, 1, 2].map((leaf) => ({
      leaf,
      before: 0,
      elements: 64,
      starts: [16 * leaf, 16 * leaf],
    })),
  }]);
});

Deno.test("leaves in buffers of their own are worked on one by one", () => {
  const leaves = [a, b].map((buffer, leaf) => ({ leaf, size: 3, tensors: [tensor(buffer, 0, 3)] }));
  assertEquals(dispatchesOf(leaves, 1, 2 ** 20, 1024).map(({ pieces }) => pieces.length), [1, 1]);
});

Deno.test("a leaf that is larger than what may be bound is cut, and every element is in one piece", () => {
  const size = 100_000;
  const most = 4 * 16_384;
  const leaves = [{ leaf: 5, size, tensors: [tensor(a, 512, size), tensor(c, 20, size)] }];
  const dispatches = dispatchesOf(leaves, 1, most, 1024);
  let next = 0;
  for (const { ranges, pieces } of dispatches) {
    for (const { leaf, before, elements, starts } of pieces) {
      assertEquals([leaf, before], [5, next]);
      next += elements;
      starts.forEach((start, k) => {
        const { offset, size: bytes } = ranges[k];
        const first = [512, 20][k] + 4 * before;
        assertEquals(offset + 4 * start, first);
        assertEquals([offset % 256, bytes <= most], [0, true]);
        assertEquals(first + 4 * elements <= offset + bytes, true);
      });
    }
  }
  assertEquals(next, size);
});

Deno.test("ranges of one dispatch never overlap", () => {
  // Parameter and state of each leaf side by side, as a caller may place them.
  const leaves = [0, 1].map((leaf) => ({
    leaf,
    size: 64,
    tensors: [tensor(a, 512 * leaf, 64), tensor(a, 512 * leaf + 256, 64)],
  }));
  assertEquals(dispatchesOf(leaves, 4, 2 ** 20, 4096).length, 2);
});
