/** How kernels read and write arrays that are stored in fewer bits than float32: as words, and four numbers at a time. */
import { SIGNIFICANT } from "../../trees/dtype.ts";
import { BLOCK_SIZE, tablesOf } from "../../trees/block8.ts";
import { partsOfStored } from "../../trees/gpu_tensor.ts";
import { dtypeOf, isUnsigned, seedOf, type Stored } from "../../trees/stored.ts";
import { SPECIAL } from "./numbers.ts";

/** Whether kernels take the numbers of an array from words. */
export function isPacked(stored: Stored): boolean {
  return dtypeOf(stored) !== "float32";
}

/** What tells kernels of some arrays from those of others. */
export function spellKinds(kinds: readonly Stored[]): string {
  return kinds.map((kind) =>
    `${dtypeOf(kind)}${seedOf(kind) === undefined ? "" : "~"}${isUnsigned(kind) ? "+" : ""}`
  ).join();
}

/** The numbers by which codes of a `"block8"` are read and made: of signed ones, then of unsigned ones. */
export function blockNumbers(): number[] {
  return [false, true].flatMap((isUnsigned) => {
    const { fractions, limits } = tablesOf(isUnsigned);
    return [...fractions, ...limits];
  });
}

/** Where each part of an array is in the bindings of a kernel: its name, and the word that it begins at. */
export type Parts = readonly { readonly array: string; readonly start: string }[];

/** Reads the number at a place. */
export function readOne(stored: Stored, parts: Parts, at: string): string {
  const words = partsOfStored(stored).map(({ each }, k) =>
    `${parts[k].array}[${parts[k].start} + ((${at}) >> ${Math.log2(each)}u)]`
  );
  return readNumber(stored, words, at);
}

/** Reads the number at a place of words that are at hand. */
export function readNumber(stored: Stored, words: readonly string[], at: string = "0u"): string {
  const codes = partsOfStored(stored).map(({ each }, k) =>
    each > 4 ? words[k] : `${each === 2 ? "halfAt" : "byteAt"}(${words[k]}, ${at})`
  );
  return `${reader(stored)}(${codes.join(", ")}${base(stored)})`;
}

/** Reads the four numbers of a place among fours. */
export function readFour(stored: Stored, parts: Parts, quad: string): string {
  const words = partsOfStored(stored).flatMap(({ each }, k) => {
    const { array, start } = parts[k];
    if (each === 2) return [0, 1].map((i) => `${array}[${start} + 2u * ${quad} + ${i}u]`);
    return [`${array}[${start} + ((${quad}) >> ${Math.log2(each / 4)}u)]`];
  });
  return `four${reader(stored)}(${words.join(", ")}${base(stored)})`;
}

function reader(stored: Stored): string {
  const names: Record<string, string> = {
    bfloat16: "fromBfloat16",
    float16: "fromFloat16",
    "bfloat16+8": "fromSplit",
    block8: "fromCode",
  };
  return names[dtypeOf(stored)];
}

function base(stored: Stored): string {
  return dtypeOf(stored) === "block8" ? `, ${tableAt(stored)}u` : "";
}

/** Where the fractions of a `"block8"` are; its limits follow. */
function tableAt(stored: Stored): number {
  return SPECIAL.length + (isUnsigned(stored) ? 512 : 0);
}

/** What a stochastic rounding takes: the words of its key, and the leaf's number. */
export interface RoundingWords {
  readonly key: readonly [string, string];
  readonly leaf: string;
}

/** The codes of `four` numbers, as they are stored, that are these `elements` of their leaf. */
export function codesOf(
  stored: Stored,
  four: string,
  elements: string,
  words: RoundingWords | undefined,
): string {
  const dtype = dtypeOf(stored) as "bfloat16" | "float16" | "bfloat16+8";
  const name = { bfloat16: "toBfloat16", float16: "toFloat16", "bfloat16+8": "toSplit" }[dtype];
  if (words === undefined) return `four${name}(${four})`;
  const [seed, count] = words.key;
  const random = `fourBits(${seed}, ${count}, ${elements}, vec4<u32>(${words.leaf}))`;
  const dropped = 24 - SIGNIFICANT[dtype];
  const scattered = dtype === "float16"
    ? `scatteredHalf(${four}, ${random})`
    : `scattered(${four}, ${random}, ${dropped}u)`;
  return `four${name}(${scattered})`;
}

/** The words that a code alone is kept in. */
export function bitsOf(stored: Stored, code: string): string[] {
  return dtypeOf(stored) === "bfloat16+8" ? [`${code} >> 8u`, `${code} & 0xffu`] : [code];
}

/** Writes four codes at a place among fours. */
export function writeFour(stored: Stored, parts: Parts, quad: string, codes: string): string[] {
  const [first, second] = parts;
  const halves = (of: (k: string) => string) =>
    [0, 1].map((i) => {
      const [low, high] = [0, 1].map((k) => of(`${codes}.${"xyzw"[2 * i + k]}`));
      return `${first.array}[${first.start} + 2u * ${quad} + ${i}u] = ${low} | (${high} << 16u);`;
    });
  if (dtypeOf(stored) === "bfloat16+8") {
    return [
      ...halves((code) => `(${code} >> 8u)`),
      `${second.array}[${second.start} + ${quad}] = bytesOf(${codes} & vec4<u32>(255u));`,
    ];
  }
  return halves((code) => code);
}

/** Threads that a block of numbers is shared by. */
const SHARERS = BLOCK_SIZE / 4;

/** Writes four numbers of a block for each thread of a workgroup, all of which must come here. */
export function writeBlock(
  stored: Stored,
  parts: Parts,
  four: string,
  quad: string,
  isMine: string,
): string[] {
  const { zero } = tablesOf(isUnsigned(stored));
  const [codes, scales] = parts;
  const at = tableAt(stored);
  return [
    `sizes[lane] = sizesOf(${four});`,
    `workgroupBarrier();`,
    `for (var half = ${SHARERS / 2}u; half > 0u; half >>= 1u) {`,
    `  if (lane % ${SHARERS}u < half) {`,
    `    sizes[lane] = max(sizes[lane], sizes[lane + half]);`,
    `  }`,
    `  workgroupBarrier();`,
    `}`,
    `{`,
    `  let scale = scaleOf(sizes[lane - lane % ${SHARERS}u], ${isUnsigned(stored)});`,
    `  if (${isMine}) {`,
    `    if (lane % ${SHARERS}u == 0u) {`,
    `      ${scales.array}[${scales.start} + (${quad}) / ${SHARERS}u] = scale;`,
    `    }`,
    `    ${codes.array}[${codes.start} + ${quad}] = bytesOf(vec4<u32>(${
      [..."xyzw"].map((lane) => `toCode(${four}.${lane}, scale, ${at}u, ${zero}u)`).join(", ")
    }));`,
    `  }`,
    `}`,
    `workgroupBarrier();`,
  ];
}
