/** The format: its bytes, what is read of them, and what is refused. */
import fc from "fast-check";
import { GradusError } from "../../../mod.ts";
import {
  readSafetensors,
  type SafeDType,
  type SafeTensor,
  streamSafetensors,
  type TensorToWrite,
  writeSafetensors,
} from "../../../export/safetensors/mod.ts";
import { assert, assertEquals } from "../../assert.ts";
import { assertRefused } from "../../refused.ts";

/** A file of a header and the bytes after it. */
function fileOf(header: string | Uint8Array, rest: readonly number[] = [], length?: bigint) {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + rest.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(rest, 8 + text.length);
  return bytes;
}

const zeros = (count: number): number[] => new Array(count).fill(0);
const entry = (dtype: string, shape: unknown, offsets: unknown): string =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });

Deno.test("a file has the bytes that the specification gives it", () => {
  const header = '{"__metadata__":{"by":"me"},' +
    '"half":{"dtype":"F64","shape":[],"data_offsets":[0,8]},' +
    '"w":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},' +
    '"bits":{"dtype":"BF16","shape":[1],"data_offsets":[16,18]}}';
  // 198 bytes and 2 of padding.
  const golden = [
    ...[0xc8, 0, 0, 0, 0, 0, 0, 0],
    ...new TextEncoder().encode(header),
    ...[0x20, 0x20],
    ...[0, 0, 0, 0, 0, 0, 0xe0, 0x3f],
    ...[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0],
    ...[0x80, 0x3f],
  ];
  const bytes = writeSafetensors({
    bits: { data: Uint16Array.of(0x3f80), shape: [1], dtype: "BF16" },
    w: { data: Float32Array.of(1, -2), shape: [1, 2] },
    half: { data: Float64Array.of(0.5), shape: [] },
  }, { by: "me" });
  assertEquals([...bytes], golden);
  assertEquals([...writeSafetensors({})], [8, 0, 0, 0, 0, 0, 0, 0, 123, 125, ...zeros(6).fill(32)]);
});

const data: Readonly<Record<SafeDType, TensorToWrite["data"]>> = {
  BOOL: Uint8Array.of(1, 0),
  F4: Uint8Array.of(0x21),
  F6_E2M3: Uint8Array.of(1, 2, 3),
  F6_E3M2: Uint8Array.of(1, 2, 3),
  U8: Uint8Array.of(255, 0),
  I8: Int8Array.of(-1, 1),
  F8_E5M2: Uint8Array.of(1, 2),
  F8_E4M3: Uint8Array.of(1, 2),
  F8_E8M0: Uint8Array.of(1, 2),
  F8_E4M3FNUZ: Uint8Array.of(1, 2),
  F8_E5M2FNUZ: Uint8Array.of(1, 2),
  I16: Int16Array.of(-1, 1),
  U16: Uint16Array.of(65535, 0),
  F16: Uint16Array.of(0x3c00, 0),
  BF16: Uint16Array.of(0x3f80, 0),
  I32: Int32Array.of(-1, 1),
  U32: Uint32Array.of(1, 2),
  F32: Float32Array.of(0.1, -0),
  C64: Float32Array.of(1, 2, 3, 4),
  F64: Float64Array.of(0.1, NaN),
  I64: BigInt64Array.of(-1n, 2n ** 62n),
  U64: BigUint64Array.of(2n ** 64n - 1n, 0n),
};
const shapes: Partial<Record<SafeDType, number[]>> = { F6_E2M3: [4], F6_E3M2: [2, 2], F4: [1, 2] };

Deno.test("tensors of every type come back as views, from any place in memory, whole or streamed", async () => {
  const tensors = new Map<string, TensorToWrite & { dtype: SafeDType }>();
  for (const [name, array] of Object.entries(data)) {
    const dtype = name as SafeDType;
    tensors.set(`a ${name}`, { dtype, shape: shapes[dtype] ?? [2], data: array });
  }
  for (const name of ["__proto__", "", "12", "constructor", "\u{1f600}", 'a"\\']) {
    tensors.set(name, { dtype: "F32", shape: [0, 3], data: new Float32Array() });
  }
  const metadata = new Map([["__proto__", "one"], ["", '"\n']]);
  const bytes = writeSafetensors(tensors, metadata);
  const read = readSafetensors(bytes);
  assertEquals(new Map([...read.tensors].sort()), new Map([...tensors].sort()));
  assertEquals(read.metadata, metadata);
  for (const { data } of read.tensors.values()) assert(data.buffer === bytes.buffer);
  assertEquals(readSafetensors(bytes.buffer), read);
  const shifted = new Uint8Array(bytes.length + 1).subarray(1);
  shifted.set(bytes);
  assertEquals(readSafetensors(shifted), read);

  const streamed = await new Response(streamSafetensors(tensors, metadata)).bytes();
  assertEquals(streamed, bytes);
});

Deno.test("a file of another writer may be spaced, ordered and aligned as it likes", () => {
  const header = `{ "b":${entry("F32", [1], [4, 8])},\n"a":${entry("F32", [], [0, 4])} }\r\t\n  `;
  assert((8 + header.length) % 4 !== 0);
  const { tensors, metadata } = readSafetensors(fileOf(header, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]));
  assertEquals([...tensors], [
    ["b", { dtype: "F32", shape: [1], data: Float32Array.of(-2) }],
    ["a", { dtype: "F32", shape: [], data: Float32Array.of(1) }],
  ]);
  assertEquals(metadata.size, 0);
});

Deno.test("a stream makes a piece when it is asked for, and no sooner", async () => {
  const data = new Float32Array(2 ** 19);
  const reader = streamSafetensors({ w: { data, shape: [2 ** 19] } }).getReader();
  const pieces = [(await reader.read()).value!];
  data.fill(1); // what has not been asked for has not been read
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    pieces.push(next.value);
  }
  assertEquals(pieces.map(({ length }) => length), [2 ** 20, 2 ** 20, 80]);
  const [first, second] = pieces.slice(0, 2).map(({ buffer }) =>
    new Float32Array(buffer, 0, 2 ** 18)
  );
  assertEquals([first.at(-1), second[0], second.at(-1)], [0, 1, 1]);
});

const F32 = entry("F32", [2], [0, 8]);
const refused: readonly [bytes: Uint8Array, ...says: string[]][] = [
  [new Uint8Array(7), "must begin with the length of its header, 8 bytes: given 7 bytes"],
  [fileOf("{}", [], 100_000_001n), "at most 100000000 bytes: given 100000001"],
  [fileOf("{}", [], 2n ** 64n - 1n), "given 18446744073709551615"],
  [fileOf("{}", [], 3n), "its header of 3 bytes must lie in the file: given a file of 10 bytes"],
  [fileOf(""), "its header must begin with `{`: given none"],
  [fileOf("[]"), "its header must begin with `{`: given byte 91"],
  [fileOf("{"), "its header must be JSON in UTF-8"],
  [fileOf(Uint8Array.of(0x7b, 0xff, 0x7d)), "its header must be JSON in UTF-8"],
  [fileOf(`{"a":${F32},"\\u0061":${F32}}`, zeros(8)), "`a` stands twice in one object"],
  [
    fileOf(`{"a":{"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]}}`, zeros(8)),
    "`dtype` stands twice in one object",
  ],
  [fileOf(`{"__metadata__":[]}`), "`__metadata__` must be an object of texts: given an array of 0"],
  [fileOf(`{"__metadata__":{"a":1}}`), "`a` in `__metadata__` must be a text: given 1"],
  [fileOf(`{"a":[]}`), "tensor `a` must be an object: given an array of 0"],
  [fileOf(`{"a":{}}`), "tensor `a` must have a `dtype` that the format knows: given undefined"],
  [fileOf(`{"a":${entry("BF_16", [], [0, 4])}}`), 'given "BF_16"; did you mean `BF16`?'],
  [fileOf(`{"a":${entry("constructor", [], [0, 4])}}`), 'given "constructor"'],
  [fileOf(`{"a":${entry("F32", [-1], [0, 0])}}`), "a `shape` of whole numbers from 0: given [-1]"],
  [fileOf(`{"a":${entry("F32", [1.5], [0, 6])}}`, zeros(6)), "given [1.5]"],
  [fileOf(`{"a":${entry("F32", ["2"], [0, 8])}}`, zeros(8)), 'given ["2"]'],
  [fileOf(`{"a":${entry("F32", {}, [0, 8])}}`, zeros(8)), "given an object"],
  [fileOf(`{"a":${entry("F32", [2 ** 30, 2 ** 30], [0, 0])}}`), "must have a size below 2^53"],
  [fileOf(`{"a":${entry("F32", [2 ** 51, 8, 0], [0, 0])}}`), "must have a size below 2^53"],
  [fileOf(`{"a":${entry("F32", [2], [0])}}`), "must have two `data_offsets`"],
  [fileOf(`{"a":${entry("F32", [2], [0, 8, 8])}}`, zeros(8)), "must have two `data_offsets`"],
  [fileOf(`{"a":${entry("F32", [2], [8, 0])}}`, zeros(8)), "must end where it begins or after"],
  [
    fileOf(`{"a":${entry("F32", [2], [0, 7])}}`, zeros(7)),
    "must take 8 bytes, being F32 of shape [2]",
  ],
  [fileOf(`{"a":${entry("F4", [1], [0, 1])}}`, zeros(1)), "must take 0.5 bytes"],
  [fileOf(`{"a":${F32}}`, zeros(7)), "tensor `a` must end in the file, by 7: given 8"],
  [fileOf(`{"a":${F32}}`, zeros(9)), "must be all that follows its header, 9 bytes: given 8"],
  [
    fileOf(`{"a":${F32},"b":${entry("F32", [1], [12, 16])}}`, zeros(16)),
    "tensor `b` must begin where the one before it ends, at 8: given a hole, 12",
  ],
  [
    fileOf(`{"a":${F32},"b":${entry("F32", [1], [4, 8])}}`, zeros(8)),
    "tensor `b` must begin where the one before it ends, at 8: given an overlap, 4",
  ],
  [fileOf(`{"a":${entry("F32", [1], [4, 8])}}`, zeros(8)), "at 0: given a hole, 4"],
];

Deno.test("what is no safetensors file is refused, and the tensor named", () => {
  for (const [bytes, ...says] of refused) {
    assertRefused(() => readSafetensors(bytes), "Cannot read safetensors: ", ...says);
  }
  assertRefused(() => readSafetensors("x" as unknown as Uint8Array), 'given "x"');
  const gone = fileOf("{}");
  structuredClone(gone, { transfer: [gone.buffer] });
  assertRefused(() => readSafetensors(gone), "given some that were transferred");
});

Deno.test("a header of a million escapes or open brackets is refused like any other", () => {
  for (const text of [`{"${"\\n".repeat(1e6)}":0}`, `{"a":${"[".repeat(1e6)}`]) {
    assertRefused(() => readSafetensors(fileOf(text)), "Cannot read safetensors: ");
  }
});

Deno.test("tensors and names that no file can hold are refused", () => {
  const w = { data: Float32Array.of(1, 2), shape: [2] };
  const write = (tensors: unknown, metadata: unknown = {}) => () =>
    writeSafetensors(tensors as Record<string, TensorToWrite>, metadata as Record<string, string>);
  assertRefused(write(3), "its tensors must be a Map or an object: given 3");
  assertRefused(write({ w: null }), "tensor `w` must be `{ data, shape }`: given null");
  assertRefused(write({ w: { ...w, data: [1, 2] } }), "must hold an array of numbers");
  assertRefused(write({ w: { ...w, dtype: "BF_16" } }), 'given "BF_16"; did you mean `BF16`?');
  assertRefused(write({ w: { ...w, dtype: "F64" } }), "must hold a Float64Array, being F64");
  assertRefused(write({ w: { ...w, shape: [3] } }), "must take 12 bytes, being F32 of shape [3]");
  assertRefused(write({ w: { ...w, shape: [-2] } }), "a `shape` of whole numbers from 0");
  assertRefused(
    write({ w: { data: new Float32Array(), shape: [2 ** 30, 2 ** 30, 0] } }),
    "must have a size below 2^53",
  );
  assertRefused(write({ __metadata__: w }), "must have another name");
  assertRefused(write({ "\ud800": w }), "must be a text in whole characters");
  assertRefused(write({ w }, { a: 1 }), "`a` in its metadata must be a text");
});

const name = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 6 }),
  fc.constantFrom("__proto__", "7", "a.b", "w"),
).filter((text) => text !== "__metadata__" && !/\p{Surrogate}/u.test(text));
const tensors = fc.uniqueArray(
  fc.tuple(name, fc.constantFrom<SafeDType>("F64", "F32", "I32", "BF16", "U8"), fc.nat(5)),
  { selector: ([name]) => name, maxLength: 5 },
).map((list): [string, SafeTensor][] =>
  list.map(([name, dtype, size]) => {
    const array = data[dtype].constructor as new (size: number) => Float32Array;
    return [name, { dtype, shape: [size], data: new array(size).fill(size) }];
  })
);

Deno.test("what was written is read, whatever the names", () => {
  fc.assert(fc.property(tensors, (given) => {
    const { tensors } = readSafetensors(writeSafetensors(new Map(given)));
    assertEquals(tensors.size, given.length);
    for (const [name, tensor] of given) assertEquals(tensors.get(name), tensor);
  }));
});

Deno.test("a header that was changed anywhere is refused, or is another header", () => {
  const change = fc.tuple(
    fc.nat(400),
    fc.integer({ min: -2, max: 3 }),
    fc.uint8Array({ maxLength: 3 }),
  );
  fc.assert(
    fc.property(tensors, fc.array(change, { minLength: 1, maxLength: 3 }), (given, changes) => {
      const bytes = [...writeSafetensors(new Map(given))];
      for (const [at, removed, added] of changes) {
        bytes.splice(at % bytes.length, Math.max(0, removed), ...added);
      }
      try {
        for (const { data, shape } of readSafetensors(Uint8Array.from(bytes)).tensors.values()) {
          assert(shape.reduce((a, b) => a * b, 1) >= data.length / 4);
        }
      } catch (error) {
        assert(error instanceof GradusError, String(error));
        assert(error.message.length < 1000, error.message);
      }
    }),
    { numRuns: 2000 },
  );
});
