/** Pages: charts, tables and equations are well-formed, readable and need nothing from elsewhere. */
import { parseProgram } from "../../mod.ts";
import { chart } from "../../search/page/chart.ts";
import { page, table } from "../../search/page/html.ts";
import { typesetter } from "../../search/page/typesetter.ts";
import { COLOURS, STYLE } from "../../search/page/style.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "../assert.ts";
import { tagsOf, textsOf } from "../svg.ts";

const axes = { x: "x", y: "y" };

Deno.test("charts are well-formed, also of one point, of none, and of what is not finite", () => {
  const points = [[0, 1], [1, -Infinity], [2, 3], [NaN, 0]] as const;
  const drawn = chart([{ name: "a < b & c", points, dots: points }, {
    name: "one",
    points: [[1, 1]],
  }], axes);
  assert(textsOf(drawn).includes("a < b & c"));
  assertEquals(drawn.match(/<circle/g)?.length, 2);
  assert(!drawn.includes("NaN") && !drawn.includes("Infinity"));
  assertEquals(chart([{ name: "none", points: [] }], axes), "");
});

Deno.test("no mark of an axis reaches into the next, however small a chart is", () => {
  const size = { width: 380, height: 240 };
  const from = (low: number, high: number) =>
    [{ name: "a", points: [[low, 0], [high, 1]] }] as const;
  for (const [low, high] of [[1e-4, 8e-2], [1e-9, 1e-1], [0.3, 0.9]]) {
    const drawn = chart(from(low, high), { x: "x", y: "y", log: "x", size });
    const marks = [...drawn.matchAll(/<text x="([\d.]+)" y="204" text-anchor="middle">([^<]+)/g)];
    assert(marks.length > 0, drawn);
    marks.slice(1).forEach(([, x, text], i) => {
      const [, before, other] = marks[i];
      assert(
        Number(x) - Number(before) > 11 * (text.length + other.length) / 2,
        `${other} ${text}`,
      );
    });
  }
});

Deno.test("ticks are short, and thousands are set apart", () => {
  const texts = textsOf(chart([{ name: "a", points: [[0, 0.1], [300_000, 0.3]] }], axes));
  for (const tick of ["0", "100\u202f000", "300\u202f000", "0.1", "0.15", "0.3"]) {
    assert(texts.includes(tick), `${tick} in ${texts}`);
  }
});

Deno.test("on axes of powers equal factors are equally far, and what is not above 0 is left out", () => {
  const points = [[0.01, 1], [0.1, 10], [1, 100], [0, 5], [2, -1]] as const;
  const drawn = chart([{ name: "a", points, dots: points }], { ...axes, log: "xy" });
  const at = (name: string) =>
    Array.from(drawn.matchAll(new RegExp(` ${name}="([^"]*)"`, "g")), ([, value]) => Number(value));
  const [x, y] = [at("cx"), at("cy")];
  assertEquals(x.length, 3);
  assertAlmostEquals(x[1] - x[0], x[2] - x[1], 0.2);
  assertAlmostEquals(y[0] - y[1], y[1] - y[2], 0.2);
  for (const tick of ["0.01", "0.1", "1", "10", "100"]) assert(textsOf(drawn).includes(tick), tick);
});

Deno.test("a band goes from its low points to its high ones, and beyond an axis nothing is seen", () => {
  const band = [[0, 1, 3], [1, 2, 40]] as const;
  const series = { name: "a", points: [[0, 2], [1, 3]] as const, band };
  const corners = (drawn: string) => /polygon[^>]* points="([^"]*)"/.exec(drawn)![1].split(" ");
  assertEquals(corners(chart([series], axes)).length, 4);
  assertEquals(chart([series], axes).match(/<svg/g)?.length, 1);
  assertEquals(chart([series], { ...axes, high: 5 }).match(/<svg/g)?.length, 2);
});

Deno.test("every colour of a series has a light and a dark meaning, and one may be another's", () => {
  for (let i = 0; i < COLOURS; i++) {
    assertEquals(STYLE.split(`--series-${i}: #`).length, 3, `series ${i}`);
  }
  const points = [[0, 1]] as const;
  const series = [{ name: "a", points }, { name: "b", points, isDashed: true, colourOf: 0 }];
  assertEquals(chart(series, axes).match(/series-0/g)?.length, 4);
  assertEquals(chart(series, axes).match(/dashed/g)?.length, 2);
  const many = Array.from({ length: COLOURS + 1 }, (_, i) => ({ name: `${i}`, points }));
  assert(!chart(many, axes).includes(`series-${COLOURS}`));
});

Deno.test("columns of numbers stand to the right, texts are escaped", () => {
  const markup = table(["n", "share", "text"], [["1", "12.5 %", "<b>"], ["", "-2", "3 & 4"]]);
  assertEquals(markup.match(/<td class="number">/g)?.length, 4);
  assertEquals(textsOf(markup), ["n", "share", "text", "1", "12.5 %", "<b>", "-2", "3 & 4"]);
  assert(!table(["a"], []).includes("number"));
});

Deno.test("a page is one file", () => {
  const text = page("a <title>", "<p>b</p>");
  assertStringIncludes(text, "<title>a &lt;title&gt;</title>");
  assertStringIncludes(text, "<p>b</p>");
  assert(!/(src|href)=|@import|url\(/.test(text));
  assertEquals(tagsOf(text.replace(/<!DOCTYPE html>|<meta[^>]*>/g, "")).at(-1), "p");
});

Deno.test("equations are typeset with rounded constants, the source has all digits", async () => {
  const program = parseProgram({
    name: "p",
    hyper: { learningRate: "required", b1: 0.9 },
    state: { m: 0 },
    step: "m = 0.09999999999999998*g + b1*m\nu = -learningRate*m*7.213456789e-7",
  });
  const { program: whole, equations, hyper } = await typesetter();
  const markup = whole(program, { digits: 4 });
  const [math, source] = markup.split("<pre>");
  assert(math.includes("<mn>0.1</mn>") && math.includes("<mn>7.213</mn>"), math);
  assert(!math.includes("0.0999"));
  assertStringIncludes(source, "m = 0.09999999999999998*g + b1*m");
  assertStringIncludes(equations(program), "0.09999999999999998");
  const [rate, b1] = hyper(program).split(", ");
  assertStringIncludes(rate, "<mi>α</mi>");
  assertStringIncludes(rate, "<code>learningRate</code> is to be given");
  assertStringIncludes(b1, "<code>b1</code> = 0.9");
  assertEquals(hyper(parseProgram({ name: "p", step: "u = -g" })), "");
});
