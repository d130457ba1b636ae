/** Holds trees of arrays against each other, bit for bit. */
import type { StoredTensor } from "../../mod.ts";
import { shown } from "../../dsl/errors.ts";
import { load, SplitArray } from "../../runtime/trees/dtype.ts";
import { assert, assertEquals } from "../assert.ts";

/** How many numbers were compared, and how many of them were neither NaN nor infinite. */
export interface Compared {
  numbers: number;
  finite: number;
}

/** Fails unless both trees have the same structure, types and bits; NaN equals NaN. */
export function assertSameBits(
  actual: unknown,
  expected: unknown,
  path: string,
  compared: Compared = { numbers: 0, finite: 0 },
  isSame: (a: number, b: number) => boolean = Object.is,
): void {
  if (typeof expected === "number") {
    assert(
      isSame(actual as number, expected),
      `${path} is ${shown(actual)}, not ${shown(expected)}`,
    );
  } else if (ArrayBuffer.isView(expected)) {
    assertEquals((actual as object).constructor.name, expected.constructor.name, path);
    const [a, b] = [actual, expected] as unknown as readonly (readonly number[])[];
    assertEquals(a.length, b.length, path);
    for (let i = 0; i < b.length; i++) {
      if (!isSame(a[i], b[i])) assert(false, `${path}[${i}] is ${shown(a[i])}, not ${shown(b[i])}`);
      if (Number.isFinite(b[i])) compared.finite++;
    }
    compared.numbers += b.length;
  } else if (isStored(expected)) {
    assertSameBits(widened(actual), widened(expected), path, compared, isSame);
  } else if (typeof expected === "object" && expected !== null) {
    assertEquals(Object.keys(actual as object).sort(), Object.keys(expected).sort(), path);
    for (const [key, inner] of Object.entries(expected)) {
      const given = (actual as Record<string, unknown>)[key];
      assertSameBits(given, inner, path === "" ? key : `${path}/${key}`, compared, isSame);
    }
  } else assertEquals(actual, expected, path);
}

function isStored(tree: unknown): tree is StoredTensor {
  return (tree as StoredTensor | null)?.data instanceof Uint16Array;
}

// As numbers, of which each but NaN has bits of its own.
function widened(tensor: unknown): unknown {
  assert(isStored(tensor), "it is stored as wide as its parameter");
  const { data, low, ...others } = tensor;
  const array = low === undefined ? data : new SplitArray(data, low);
  return { ...others, data: Float64Array.from(data, (_, i) => load(others.dtype, array, i)) };
}
