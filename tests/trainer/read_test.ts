/** Data files: NumPy's own, CSV as people write it, text and images; and files that are cut off, mixed up or too large. */
import { GradusError } from "../../dsl/errors.ts";
import { writeSafetensors } from "../../export/safetensors/mod.ts";
import {
  type Dataset,
  datasetOf,
  fitted,
  type Image,
  imageData,
  objectiveOf,
  readCsv,
  readNpy,
  readTensors,
  tableData,
  textData,
  type TrainingInput,
} from "../../trainer/mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
// What NumPy 1.24.2 saved of [[1, -2, 3], [100, 5, -6]], without signs in types without: type and order, or version; of
// arange(24) of 2 x 3 x 4 in Fortran's order, and of what is no array of numbers.
import npy from "./npy.json" with { type: "json" };

const bytes = (text: string) => new TextEncoder().encode(text);
const saved = (name: keyof typeof npy) => Uint8Array.from(atob(npy[name]), (c) => c.charCodeAt(0));

function input(
  name: string,
  type: string,
  shape: (number | string)[],
  isTarget = false,
): TrainingInput {
  return { name, type, shape, isTarget } as TrainingInput;
}

const X = input("x", "float32", ["batch", 2]);
const Y = input("y", "int64", ["batch"], true);

function table(text: string, inputs = [X, Y], label?: string): Dataset {
  return tableData(readCsv(bytes(text)), inputs, { label });
}

function listed({ arrays }: Dataset): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(arrays).map((
      [name, { data, shape }],
    ) => [name, [shape, Array.from(data, Number)]]),
  );
}

Deno.test("arrays of every type and order are what NumPy saved", () => {
  const numbers = [1, -2, 3, 100, 5, -6];
  for (const name of Object.keys(npy) as (keyof typeof npy)[]) {
    if (!/^[<>]|^v|\?/.test(name) || name === "vector") continue;
    const wanted = /u/.test(name)
      ? numbers.map(Math.abs)
      : /\?/.test(name)
      ? numbers.map(() => 1)
      : numbers;
    const { data, shape } = readNpy(saved(name));
    assertEquals([shape, Array.from(data, Number)], [[2, 3], wanted], name);
  }
  assertEquals(
    Array.from(readNpy(saved("cube")).data, Number),
    Array.from({ length: 24 }, (_, i) => i),
  );
  assertEquals(readNpy(saved("number")), { data: Float32Array.of(1.5), shape: [] });
  assertEquals(readNpy(saved("vector")), { data: Float32Array.of(1.5, -2), shape: [2] });
  assert(readNpy(saved("<f2C")).data instanceof Float32Array);
});

Deno.test("a .npy file that is cut off, longer, or of something else is refused", () => {
  for (const name of ["complex", "struct", "object", "text", "date"] as const) {
    assertThrows(() => readNpy(saved(name)), GradusError, "Cannot read .npy", "given");
  }
  const whole = saved("<f4C");
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => readNpy(whole.subarray(0, length)), GradusError, "Cannot read .npy");
  }
  assertThrows(
    () => readNpy(Uint8Array.of(...whole, 0)),
    GradusError,
    "must have 24 bytes",
    "has 25",
  );
  const text = String.fromCharCode(...whole);
  const changed = (from: string, to: string) =>
    Uint8Array.from(text.replace(from, to.padEnd(from.length)), (c) => c.charCodeAt(0));
  assertThrows(
    () => readNpy(changed("(2, 3), }              ", "(99999999, 999999999), }")),
    GradusError,
    "must have",
  );
  assertThrows(() => readNpy(changed("(2, 3)", "(2,-3)")), GradusError, "`shape`");
  assertThrows(() => readNpy(changed("False", "Maybe")), GradusError, "`fortran_order`", "Maybe");
  assertThrows(() => readNpy(bytes("\x93NUMPY\x01")), GradusError, "must begin as NumPy's files");
});

Deno.test("columns go to inputs by name, labels by what they are called, the rest in order", () => {
  const wanted = { x: [[2, 2], [1, 2.5, -3, 4e2]], y: [[2], [1, 0]] };
  for (
    const text of [
      "a,b,y\n1,2.5,1\n-3,4e2,0\n",
      "y,a,b\n1,1,2.5\n0,-3,4e2",
      "a;Label;b\r\n1;1;2.5\r\n-3;0;400\r\n\r\n",
      '\ufeff"a"\t"b, c"\t"class"\n"1"\t2.5\t1\n-3\t" 4e2"\t0\n',
      "1,2.5,1\n-3,4e2,0\n",
      "a,b,c\n1,2.5,dog\n-3,4e2,cat",
    ]
  ) assertEquals(listed(table(text)), wanted, text);
  assertEquals(table("a,b,c\n1,2.5,dog\n-3,4e2,cat").classes, ["cat", "dog"]);
  // The first row is data where its words are there again, and names where they are not.
  assertEquals(listed(table("1,2,dog\n3,4,cat\n5,6,dog")).y, [[3], [1, 0, 1]]);
  assertEquals(listed(table("0,1,class\n3,4,cat\n5,6,dog")).y, [[2], [0, 1]]);
  assertEquals(listed(table("a,b,c\n1,9,2\n0,8,3", [X, Y], "a")).y, [[2], [1, 0]]);
  // Rows of 1,200 numbers are images of a model that takes such.
  const image = input("x", "float32", ["batch", 1, 20, 60]);
  const row = Array.from({ length: 1200 }, (_, i) => i).join(",");
  assertEquals(table(`${row},3\n${row},1`, [image, Y]).arrays.x.shape, [2, 1, 20, 60]);
  // An open extent takes what others leave, and prices are no classes.
  const open = [input("x", "float64", ["batch", "n"]), input("y", "float32", ["batch", 1], true)];
  assertEquals(listed(table("a,b,c,d\n1,2,3,4.5", open)), {
    x: [[1, 3], [1, 2, 3]],
    y: [[1, 1], [4.5]],
  });
});

Deno.test("a table that does not fit says where, and what was expected", () => {
  const refused: readonly (readonly [text: string, ...parts: string[]])[] = [
    ["a,b,y\n1,2,0\n1,two,0\n", "row 3, column `b` must be a number", 'given "two"'],
    ["a,b,y\n1,2,0\n1,,0\n", "row 3, column `b` must be a number", "given nothing"],
    ["1,2,0\n1,NaN,0\n", "row 2, column `2` must be a number", 'given "NaN"'],
    ["a,b,y\n1,2,dog\n1,2,\n", "row 3, column `y` must be a label", "given nothing"],
    ["a,b,y\n1,2,0\n1,2\n", "each row must have 3 cells", "row 3 has 2"],
    ["a,b,c,y\n1,2,3,0\n", "`x`, float32 [batch, 2]", "2 columns: given 3, `a`, `b`, `c`"],
    ["a,y\n1,0\n", "2 columns: given 1, `a`"],
    ['a,b,y\n1,"2,0\n', "a cell that begins with a quote must end with one", "row 2"],
    ["a,a,y\n1,2,0\n", "a name of its own", "`a` is there twice"],
    ["a,b,y\n", "it must have a row of data"],
    ["", "it must have a row of data"],
    ["a,b\0\n1,2", "it must be text in UTF-8"],
  ];
  for (const [text, ...parts] of refused) assertThrows(() => table(text), GradusError, ...parts);
  assertThrows(() => readCsv(Uint8Array.of(0x61, 0xff)), GradusError, "it must be text in UTF-8");
  assertThrows(() => table("a,b,y\n1,2,0", [X, Y], "labels"), GradusError, "no column `labels`");
  assertThrows(() => table("a,b\n1,2", [X], "a"), GradusError, "must take one label an example");
});

Deno.test("labels must be classes of the model", () => {
  const { accuracy } = objectiveOf("crossEntropy:logits");
  const labelled = (text: string) => () => accuracy!.requireLabels(table(text), ["batch", 3]);
  labelled("1,2,0\n1,2,2\n1,2,-100")();
  assertThrows(
    labelled("1,2,0\n1,2,3"),
    GradusError,
    "labels must be from 0 to 2",
    "given 3 in example 2",
  );
  assertThrows(labelled("1,2,0\n1,2,-1"), GradusError, "given -1 in example 2");
  assertThrows(
    labelled("k,l,m\n1,2,a\n1,2,b\n1,2,c\n1,2,d"),
    GradusError,
    "4 different ones",
    "example 4",
  );
  const binary = objectiveOf("binaryCrossEntropy:score").accuracy!;
  assertThrows(
    () => binary.requireLabels(table("1,2,0\n1,2,2"), []),
    GradusError,
    "from 0 to 1",
    "given 2",
  );
});

Deno.test("answers are counted along the axis of the classes", () => {
  const scores = { data: Float32Array.of(1, 5, 2, 0, 3, 1, 9, 1), shape: [2, 2, 2] };
  const labels = { data: Int32Array.of(1, 0, 0, 0), shape: [2, 2] };
  // [N, C, T]: of example 0 at place 0 the scores are 1 and 2.
  assertEquals(objectiveOf("crossEntropy:l").accuracy!.count(scores, labels), { right: 3, all: 4 });
  // [N, T, C]: there they are 1 and 5.
  assertEquals(objectiveOf("crossEntropy:l:-1").accuracy!.count(scores, labels), {
    right: 4,
    all: 4,
  });
  const ignored = { data: Int32Array.of(1, -100, 0, 1), shape: [2, 2] };
  assertEquals(objectiveOf("crossEntropy:l:-1").accuracy!.count(scores, ignored), {
    right: 2,
    all: 3,
  });
  const yes = { data: Float32Array.of(-1, 2, 3), shape: [3, 1] };
  const wanted = { data: Float32Array.of(0, 1, 0), shape: [3, 1] };
  assertEquals(objectiveOf("binaryCrossEntropy:l").accuracy!.count(yes, wanted), {
    right: 2,
    all: 3,
  });
  for (
    const [text, part] of [["mse:x", "one of crossEntropy"], ["crossEntropy", "of which output"], [
      "",
      "LOSS:OUTPUT",
    ]]
  ) {
    assertThrows(() => objectiveOf(text), GradusError, part);
  }
  assertThrows(
    () => objectiveOf("meanSquaredError:x:1"),
    GradusError,
    "only crossEntropy takes an axis",
  );
});

Deno.test("arrays by name are brought into the shapes and types that the model takes", () => {
  const half = { data: Uint16Array.of(0x3c00, 0xc000), shape: [1, 2], dtype: "F16" } as const;
  const y = { data: Float32Array.of(3), shape: [1] };
  const data = fitted(readTensors(writeSafetensors({ x: half, y })), [X, Y]);
  assertEquals(listed(data), { x: [[1, 2], [1, -2]], y: [[1], [3]] });
  assert(data.arrays.x.data instanceof Float32Array && data.arrays.y.data instanceof BigInt64Array);
  const image = input("x", "float32", ["batch", 1, 2, 2]);
  const flat = { x: { data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), shape: [2, 2, 2] } };
  assertEquals(listed(fitted(flat, [image])), { x: [[2, 1, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]] });
  const refused = (arrays: Parameters<typeof fitted>[0], ...parts: string[]) =>
    assertThrows(() => fitted(arrays, [X, Y]), GradusError, ...parts);
  const x = { data: Float32Array.of(1, 2), shape: [1, 2] };
  refused({ x }, "it must have `y`, int64 [batch]", "given `x`");
  refused({ x, z: y }, "it has `z`, and the model takes", "`x`, float32 [batch, 2]");
  refused({ x: { data: Float32Array.of(1, 2, 3), shape: [1, 3] }, y }, "the data have [1, 3]");
  refused({ x, y: { data: Float32Array.of(0.5), shape: [1] } }, "int64", "element 0 is 0.5");
  refused(
    { x, y: { data: Int32Array.of(1, 2), shape: [2] } },
    "as many examples",
    "1 of `x` and 2 of `y`",
  );
  refused({
    x: { data: new Float32Array(), shape: [0, 2] },
    y: { data: new Int32Array(), shape: [0] },
  }, "given none");
  const quantized = { data: Uint8Array.of(1), shape: [1], dtype: "F8_E4M3" } as const;
  assertThrows(
    () => readTensors(writeSafetensors({ x: quantized })),
    GradusError,
    "`x` must be of",
    "F8_E4M3",
  );
  assertThrows(
    () => readTensors(bytes("no safetensors at all")),
    GradusError,
    "Cannot read safetensors",
  );
  assertThrows(
    () => datasetOf({ x: { data: Float32Array.of(1), shape: [1, 2] } }),
    GradusError,
    "2 elements",
  );
});

Deno.test("text becomes windows and what follows each character", () => {
  const inputs = [input("ids", "int64", ["batch", 4]), input("y", "int64", ["batch", 4], true)];
  const data = textData("abcabcabca", inputs);
  assertEquals(data.classes, ["a", "b", "c"]);
  assertEquals(listed(data), {
    ids: [[2, 4], [0, 1, 2, 0, 1, 2, 0, 1]],
    y: [[2, 4], [1, 2, 0, 1, 2, 0, 1, 2]],
  });
  assertThrows(() => textData("abcabcab", inputs), GradusError, "at least 9 characters", "given 8");
  assertThrows(
    () => textData("ab\nabcdabcabca", inputs, { vocabulary: ["a", "b", "\n"] }),
    GradusError,
    "one of the 3 that the model knows",
    "in line 2",
  );
  assertThrows(
    () => textData("abc", [X, Y]),
    GradusError,
    "must take whole numbers [batch, length]",
  );
});

Deno.test("images become numbers from 0 to 1, in the order that the model takes", () => {
  const image = (pixels: number[], label: number, width = 2): Image => ({
    pixels: Uint8Array.from(pixels),
    width,
    height: pixels.length / 4 / width,
    label,
    name: `image ${label}`,
  });
  const colours = image([255, 0, 0, 255, 0, 255, 0, 255], 1);
  const rounded = (data: Dataset) =>
    Array.from(data.arrays.x.data as Float32Array, (each) => Math.round(255 * each));
  const of = (shape: (number | string)[], images = [colours]) =>
    imageData(images, [input("x", "float32", shape), Y], ["a", "b"]);
  assertEquals(rounded(of(["n", 3, 1, 2])), [255, 0, 0, 255, 0, 0]);
  assertEquals(rounded(of(["n", 1, 2, 3])), [255, 0, 0, 0, 255, 0]);
  // As Pillow's mode L has red and green.
  for (const shape of [["n", 1, "h", "w"], ["n", 1, 2], ["n", 2]]) {
    assertEquals(rounded(of(shape)), [76, 150]);
  }
  assertEquals(of(["n", 3, 1, 2]).arrays.y, { data: Int32Array.of(1), shape: [1] });
  assertThrows(
    () => of(["n", 3, 2, 2]),
    GradusError,
    "`x`, float32 [n, 3, 2, 2]",
    "`image 1` has 2 x 1 pixels",
  );
  const tall = image([0, 0, 0, 255, 9, 9, 9, 255], 0, 1);
  assertThrows(
    () => of(["n", 2], [colours, tall]),
    GradusError,
    "all must be of one size",
    "`image 0` 1 x 2",
  );
  assertThrows(() => of(["n", 2], []), GradusError, "there must be images");
});
