/** What is no leaf of a tree, though it holds numbers, and what to write instead. */

type Row = readonly [is: (node: object) => boolean, hint: string];

const has = (node: object, ...names: string[]): boolean => names.every((name) => name in node);
const named = (...names: string[]) => (node: object): boolean =>
  names.includes(Object.prototype.toString.call(node).slice(8, -1));
/** Whether it has a shape and a type as arrays of other libraries have; parameters may have these names too. */
function isForeign(node: object): boolean {
  const { shape, dtype } = node as { shape?: unknown; dtype?: unknown };
  return typeof dtype === "string" && Array.isArray(shape) &&
    shape.every((extent) => typeof extent === "number");
}

const ROWS: readonly Row[] = [
  [named("BigInt64Array", "BigUint64Array"), "`Float32Array.from(array, Number)` is one"],
  [
    named("DataView", "ArrayBuffer", "SharedArrayBuffer"),
    "`new Float32Array(buffer, byteOffset, length)` is one",
  ],
  [
    named("Uint8Array"),
    "`Float32Array.from(array)` is one of its numbers, `new Float32Array(Uint8Array.from(array).buffer)` " +
    "of their bytes",
  ],
  [ArrayBuffer.isView, "`Float32Array.from(array)` is one"],
  [named("Map"), "`Object.fromEntries(map)` is an object"],
  [named("Promise"), "`await` it"],
  [
    (node) => isForeign(node) && has(node, "dataId", "dataSync"),
    "`toTfjs` of `@gradus/gradus/tfjs` makes an optimizer of such arrays",
  ],
  [
    (node) => isForeign(node) && has(node, "js", "dataSync"),
    "`fromJaxTree` of `@gradus/gradus/jax` makes one of it",
  ],
  [isForeign, "`{ data, shape }` is one, where `data` is a Float32Array of its numbers"],
];

/** `; HINT` for numbers that are no leaf; else the empty string. */
export function insteadOf(node: unknown): string {
  if (typeof node === "number") return `; \`Float32Array.of(${node})\` is one`;
  if (typeof node !== "object" || node === null) return "";
  if (isNumbers(node)) return `; \`Float32Array.of(${spell(node)})\` is one`;
  if (isRows(node)) {
    return `; \`{ data: Float32Array.of(${spell(node.flat())}), shape: [${node.length}, ` +
      `${node[0].length}] }\` is one`;
  }
  const row = ROWS.find(([is]) => is(node));
  return row === undefined ? "" : `; ${row[1]}`;
}

/** Whether a node of a tree, which is no leaf, cannot be a branch either: it holds numbers. */
export function isOfNumbers(node: object, isLeaf: (node: unknown) => boolean): boolean {
  return isNumbers(node) || (isRows(node) && !isLeaf(node[0])) || isForeign(node);
}

function isNumbers(node: unknown): node is number[] {
  return Array.isArray(node) && typeof node[0] === "number";
}

function isRows(node: unknown): node is number[][] {
  return Array.isArray(node) && isNumbers(node[0]) && node.every(isNumbers);
}

function spell(numbers: readonly number[]): string {
  return numbers.slice(0, 4).join(", ") + (numbers.length > 4 ? ", …" : "");
}
