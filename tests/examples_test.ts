/** The parts of the examples: the digits, the network and its gradients, the curves. */
import { type CurveOptions, type Panel, renderCurves } from "../examples/curves.ts";
import { batches, type Digits, generator, loadDigits, PIXELS } from "../examples/digits.ts";
import { accuracy, initialParameters, lossAndGradients, type Parameters } from "../examples/mlp.ts";
import searchDigits from "../examples/search_digits.ts";
import { ADAMW, analyse, Evaluator, parseGenome, space, type Task } from "../search/mod.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "./assert.ts";
import { tagsOf, textsOf } from "./svg.ts";

const { train, test } = loadDigits();

/** An image as text that is alike only for images that are. */
function imageAt({ images }: { images: Float32Array }, i: number): string {
  return images.subarray(i * PIXELS, (i + 1) * PIXELS).join();
}

Deno.test("the generator gives the same uniform numbers for the same seed", () => {
  const [first, second, other] = [generator(7), generator(7), generator(8)];
  const numbers = Array.from({ length: 10_000 }, first);
  assertEquals(numbers, Array.from({ length: 10_000 }, second));
  assert(numbers.every((x) => x >= 0 && x < 1));
  assert(other() !== numbers[0]);
  assertAlmostEquals(numbers.reduce((a, b) => a + b) / 10_000, 0.5, 0.01);
  const below = numbers.filter((x) => x < 0.1).length;
  assert(below > 900 && below < 1100, `${below} of 10000 are below 0.1`);
});

Deno.test("8,000 digits are for training and 2,000 for testing, each with its label", () => {
  assertEquals([train.count, test.count], [8000, 2000]);
  for (const { images, labels, count } of [train, test]) {
    assertEquals([images.length, labels.length], [count * PIXELS, count]);
    assert(images.every((grey) => grey >= 0 && grey <= 1));
    const perDigit = Array.from(
      { length: 10 },
      (_, digit) => labels.filter((label) => label === digit).length / count,
    );
    assert(perDigit.every((share) => share > 0.07 && share < 0.14), `${perDigit}`);
  }
  assert(imageAt(train, 0).split(",").some((grey) => Number(grey) > 0.5), "an image shows ink");
});

Deno.test("the digits are split alike each time, and shuffled", () => {
  const again = loadDigits();
  assertEquals([...again.train.labels], [...train.labels]);
  assertEquals(imageAt(again.test, 1999), imageAt(test, 1999));
  const sorted = [...train.labels].sort();
  const inPlace = sorted.filter((label, i) => label === train.labels[i]).length;
  assert(inPlace < 1500, `${inPlace} of 8000 labels are where sorting puts them`);
});

Deno.test("images lie beside their own labels", () => {
  // The mean image of each digit is nearer to most images of that digit than any other is.
  const means = Array.from({ length: 10 }, () => new Float64Array(PIXELS));
  const counts = new Array(10).fill(0);
  train.labels.forEach((label, i) => {
    counts[label]++;
    for (let p = 0; p < PIXELS; p++) means[label][p] += train.images[i * PIXELS + p];
  });
  let right = 0;
  for (let i = 0; i < 500; i++) {
    const distances = means.map((mean, digit) => {
      let sum = 0;
      for (let p = 0; p < PIXELS; p++) {
        sum += (mean[p] / counts[digit] - test.images[i * PIXELS + p]) ** 2;
      }
      return sum;
    });
    if (distances.indexOf(Math.min(...distances)) === test.labels[i]) right++;
  }
  assert(right > 350, `${right} of 500 are nearest to their own digit`);
});

/** Digits whose images and labels tell which they are. */
function numbered(count: number): Digits {
  const images = Float32Array.from({ length: count * PIXELS }, (_, i) => Math.floor(i / PIXELS));
  return { images, labels: Uint8Array.from({ length: count }, (_, i) => i), count };
}

Deno.test("the batches of an epoch hold every image once, with its label", () => {
  for (const [count, size, sizes] of [[10, 4, [4, 4, 2]], [6, 3, [3, 3]], [2, 5, [2]]] as const) {
    const seen: number[] = [];
    const found = [...batches(numbered(count), size, 3)];
    assertEquals(found.map(({ labels }) => labels.length), [...sizes]);
    for (const { images, labels } of found) {
      assertEquals(images.length, labels.length * PIXELS);
      labels.forEach((label, i) => {
        assert(images.subarray(i * PIXELS, (i + 1) * PIXELS).every((grey) => grey === label));
        seen.push(label);
      });
    }
    assertEquals(seen.sort((a, b) => a - b), Array.from({ length: count }, (_, i) => i));
  }
});

Deno.test("the order of an epoch depends on its seed alone", () => {
  const order = (seed: number) =>
    [...batches(numbered(100), 7, seed)].flatMap(({ labels }) => [...labels]);
  assertEquals(order(1), order(1));
  assert(order(1).join() !== order(2).join());
  assert(order(0).join() !== Array.from({ length: 100 }, (_, i) => i).join());
});

Deno.test("the network starts alike for a seed, within LeCun's bounds", () => {
  const parameters = initialParameters(1);
  assertEquals(parameters, initialParameters(1));
  assert(initialParameters(2).hidden.w.data[0] !== parameters.hidden.w.data[0]);
  assertEquals([parameters.hidden.w.shape, parameters.output.w.shape], [[784, 128], [128, 10]]);
  assertEquals([parameters.hidden.b, parameters.output.b], [
    new Float32Array(128),
    new Float32Array(10),
  ]);
  for (const { w } of [parameters.hidden, parameters.output]) {
    assertEquals(w.data.length, w.shape[0] * w.shape[1]);
    const bound = Math.sqrt(3 / w.shape[0]);
    assert(w.data.every((x) => Math.abs(x) <= bound));
    const mean = w.data.reduce((sum, x) => sum + x, 0) / w.data.length;
    assertAlmostEquals(mean / bound, 0, 0.05);
    const variance = w.data.reduce((sum, x) => sum + x * x, 0) / w.data.length;
    assertAlmostEquals(variance * w.shape[0], 1, 0.1);
  }
});

const [batch] = batches(train, 64, 5);

Deno.test("before training the loss is that of a guess, and gradients mirror the parameters", async () => {
  const parameters = initialParameters(1);
  const { loss, gradients } = await lossAndGradients(parameters, batch);
  assert(loss > 2 && loss < 3, `the loss is ${loss}, and ln 10 is ${Math.log(10)}`);
  const form = ({ hidden, output }: Parameters) =>
    [hidden, output].map(({ w, b }) => [w.shape, w.data.length, b.length]);
  assertEquals(form(gradients), form(parameters));
  assert(gradients.hidden.w.data.buffer !== parameters.hidden.w.data.buffer);
  const guess = await accuracy(parameters, test);
  assert(guess > 0.02 && guess < 0.3, `${guess}`);
});

/** The loss by its definition, in float64. */
function lossOf({ hidden, output }: Parameters): number {
  const dense = (x: ArrayLike<number>, { w, b }: Parameters["hidden"]) =>
    Array.from(b, (bias, j) => {
      let sum = bias;
      for (let i = 0; i < x.length; i++) sum += x[i] * w.data[i * b.length + j];
      return sum;
    });
  const losses = Array.from(batch.labels, (label, i) => {
    const image = batch.images.subarray(i * PIXELS, (i + 1) * PIXELS);
    const logits = dense(dense(image, hidden).map(Math.tanh), output);
    return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[label];
  });
  return losses.reduce((a, b) => a + b) / losses.length;
}

Deno.test("gradients are the slopes of the loss, and the loss is the mean cross-entropy", async () => {
  const parameters = initialParameters(3);
  const { loss, gradients } = await lossAndGradients(parameters, batch);
  assertAlmostEquals(loss, lossOf(parameters), 1e-5);
  const step = 2 ** -10;
  const places = ["hidden", "output"].flatMap((layer) =>
    (["w", "b"] as const).map((part) => {
      const of = (tree: Parameters) => {
        const leaf = tree[layer as keyof Parameters][part];
        return leaf instanceof Float32Array ? leaf : leaf.data;
      };
      return [`${layer}.${part}`, of(parameters), of(gradients)] as const;
    })
  );
  for (const [name, values, slopes] of places) {
    const largest = slopes.reduce(
      (best, slope, i) => Math.abs(slope) > Math.abs(slopes[best]) ? i : best,
      0,
    );
    assert(Math.abs(slopes[largest]) > 1e-3, `${name} has a slope to see`);
    for (const i of [largest, 3, slopes.length - 2]) {
      const value = values[i];
      values[i] = value + step;
      const [above, width] = [lossOf(parameters), values[i]];
      values[i] = value - step;
      const slope = (above - lossOf(parameters)) / (width - values[i]);
      values[i] = value;
      assertAlmostEquals(slopes[i], slope, 1e-5 + 1e-3 * Math.abs(slope));
    }
  }
});

const panel: Panel = {
  yTitle: "the loss",
  series: [
    { name: "first & <best>", points: [{ x: 1, y: 2 }, { x: 2, y: 1 }, { x: 3, y: 0.5 }] },
    { name: "second", points: [{ x: 1, y: 3 }, { x: 2, y: 2.5 }, { x: 3, y: 0.1 }] },
  ],
};
const curves: CurveOptions = {
  title: "A <title> & more",
  subtitle: 'with a "subtitle"',
  xTitle: "the step",
  panels: [panel],
};
/** The same with other curves, or an axis of another kind. */
const withPanel = (changed: Partial<Panel>): CurveOptions => ({
  ...curves,
  panels: [{ ...panel, ...changed }],
});

Deno.test("curves become an SVG that is well formed and says what is drawn", async () => {
  for (const logY of [false, true]) {
    const svg = await renderCurves(withPanel({ logY }));
    const tags = tagsOf(svg);
    assertEquals(tags[0], "svg");
    const texts = textsOf(svg);
    for (
      const text of [
        curves.title,
        curves.subtitle!,
        curves.xTitle,
        panel.yTitle,
        ...panel.series.map(({ name }) => name),
      ]
    ) {
      assert(texts.includes(text), `${text} is not among ${texts.join(" | ")}`);
    }
    assertStringIncludes(svg, 'xmlns="http://www.w3.org/2000/svg"');
    for (const colour of ["#0072b2", "#d55e00"]) assertStringIncludes(svg, colour);
  }
});

Deno.test("each curve is one line through its points, left to right", async () => {
  const svg = await renderCurves(curves);
  const marks = svg.matchAll(/aria-roledescription="line mark"[^>]* d="M([^"]+)"/g);
  const paths = Array.from(marks, ([, path]) => path);
  assertEquals(paths.length, 2);
  for (const path of paths) {
    const points = path.split("L").map((point) => point.split(",").map(Number));
    assertEquals(points.length, 3);
    assert(points[0][0] < points[1][0] && points[1][0] < points[2][0], path);
    // Values that fall are drawn further down.
    assert(points[0][1] < points[1][1] && points[1][1] < points[2][1], path);
  }
});

Deno.test("panels stand above one another, and both begin at 0", async () => {
  const below = { ...panel, yTitle: "the score" };
  const svg = await renderCurves({ ...curves, panels: [panel, below] });
  const texts = textsOf(svg);
  assert(texts.indexOf("the loss") < texts.indexOf("the score"));
  const axes = svg.match(
    /"X-axis titled 'the step' for a linear scale with values from 0\.0 to 3\.0"/g,
  );
  assertEquals(axes?.length, 2);
});

Deno.test("what has no place on the axes leaves a gap and spoils nothing", async () => {
  const points = [4, NaN, 2, Infinity, 1, -3, 0, 0.5].map((y, x) => ({ x, y }));
  for (const logY of [false, true]) {
    const svg = await renderCurves(withPanel({ logY, series: [{ name: "wild", points }] }));
    tagsOf(svg);
    assert(!/NaN|Infinity|undefined/.test(svg), "a number that is none");
  }
});

Deno.test("names and titles of any text are text in the picture", async () => {
  const name = "</text><script>alert(1)</script>";
  const series = [{ name, points: [{ x: 1, y: 1 }, { x: 2, y: 2 }] }];
  const svg = await renderCurves({ ...withPanel({ series }), title: name });
  assert(!tagsOf(svg).includes("script"));
  assert(textsOf(svg).includes(name));
});

Deno.test("AdamW learns the digits that are searched on, on tasks of its own for what is held out", async () => {
  const { tasks, heldOut = [] } = searchDigits;
  const seeds = (list: readonly Task[]) => list.flatMap((task) => task.seeds);
  assert(heldOut.length > 0 && seeds(heldOut).every((seed) => !seeds(tasks).includes(seed)));
  const evaluator = await Evaluator.of(space(), tasks);
  const genome = parseGenome(space(), ADAMW.replace("0.001", "0.03"));
  const { scores } = evaluator.evaluate(analyse(space(), genome));
  assertEquals(scores.length, tasks.length);
  // From ln 10, a guess among 10 digits, to less than half of that.
  assert(scores.every((score) => score > Math.log(2)), `${scores}`);
});
