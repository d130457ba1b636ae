/** Constants of a graph: each is held once, and different bits are different constants. */
import { Constants, spellNumber } from "../../export/onnx/constants.ts";
import { Names } from "../../export/onnx/names.ts";
import { assertEquals } from "../assert.ts";

Deno.test("constants are told apart by their bits as they are stored, and held once", () => {
  const constants = new Constants(new Names());
  const number = (value: number, type: "float32" | "float64" | "bool") =>
    constants.number(value, type);
  // Nearer to 0.1 than any other number of float32 is.
  const near = 0.100000001;
  assertEquals(number(near, "float32"), number(0.1, "float32"));
  assertEquals(number(near, "float64") === number(0.1, "float64"), false);
  for (const type of ["float32", "float64"] as const) {
    assertEquals(number(0, type) === number(-0, type), false);
    assertEquals(number(0, type), number(0, type));
  }
  assertEquals(number(1, "float32") === number(1, "float64"), false);
  assertEquals(number(1, "bool") === number(0, "bool"), false);
  const bits = constants.all.map(({ name, rawData }) => `${name} ${[...rawData!].join(" ")}`);
  assertEquals(bits.filter((each) => / 0 0 0 128$/.test(each)).length, 2);
  assertEquals(new Set(bits).size, 11);
  assertEquals([spellNumber(-0, "float32"), spellNumber(0.1, "float32")], ["-0", "0.1"]);
  assertEquals(spellNumber(Math.fround(0.1), "float64"), "0.10000000149011612");
});
