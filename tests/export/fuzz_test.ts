/** Random element-wise programs: what is exported runs as the interpreter defines it. */
import fc from "fast-check";
import { postorder } from "../../dsl/node.ts";
import { reduceRow } from "../../dsl/ops.ts";
import { type Document, factory, optimizer, parseProgram, type Program } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { exactProgram, type Generated } from "../dsl/generate.ts";
import { edges32, numbers32, numbers64, randomWords } from "../numbers.ts";
import { type Hyper, type Point, zeroFinder } from "./excuses.ts";
import { leavesOf, numbersOf, statesOf } from "./trees.ts";

const PROGRAMS = 300;
const SIZE = 96;

function isElementwise({ statements, document }: Generated): boolean {
  return Object.values(document.state ?? {}).every((state) =>
    typeof state !== "object" || (state.over ?? "element") === "element"
  ) && postorder(statements.map(({ value }) =>
    value
  )).every(({ op }) => reduceRow(op) === undefined);
}

const programs = fc.sample(exactProgram().filter(isElementwise), { seed: 4, numRuns: PROGRAMS });

/** Numbers of both types: some from the edges, some plain, some of any bits. */
function arrays(seed: number) {
  const next = randomWords(seed);
  const mixed = (any: readonly number[]) =>
    Array.from({ length: SIZE }, (_, i) => {
      const kind = next() % 4;
      if (kind === 0) return edges32[next() % edges32.length];
      return kind === 1 ? any[edges32.length + i] : Math.fround((next() / 2 ** 30 - 2) * 2);
    });
  return {
    double: { data: Float64Array.from(mixed(numbers64(2 * SIZE, seed))), shape: [4, 4, 6] },
    single: { data: Float32Array.from(mixed(numbers32(2 * SIZE, seed))), shape: [8, 4, 3] },
  };
}

interface Tally {
  readonly numbers: number;
  readonly excused: number;
}

/** The defaults, and some values for what has none. */
function hyperOf(program: Program, seed: number): Hyper {
  const next = randomWords(seed);
  return Object.fromEntries(
    [...program.hyper].map(([name, value]) => [
      name,
      typeof value === "boolean" ? next() % 2 === 0 : value === "required" ? some(next()) : value,
    ]),
  );
}

const some = (word: number) => [0.5, -1, 2, 0.1, 1e-3, 3][word % 6];

/** Steps a program twice beside the interpreter; every number must be the same or excused. */
async function compare(document: Document, seed: number): Promise<Tally> {
  const program = parseProgram(document);
  const hyper = hyperOf(program, seed);
  const next = randomWords(seed);
  const inputs = Object.fromEntries([...program.inputs.keys()].map((name) => [name, some(next())]));
  const opt = factory(program)(hyper).with({ backend: "interpreter" });
  const exported = await OrtOptimizer.load(toOnnx(opt, arrays(seed)));
  const findsZero = zeroFinder(program, hyper);
  const params = arrays(seed);
  const state = opt.init(params);
  let [numbers, excused] = [0, 0];
  for (let step = 0; step < 2; step++) {
    const gradients = arrays(seed + 1 + step);
    const [theirs, theirState] = [structuredClone(params), structuredClone(state)];
    const before = structuredClone({ g: gradients, w: params, ...statesOf(state) });
    theirState.hyper = {};
    await exported.step(theirs, gradients, theirState, inputs);
    opt.step(params, gradients, state, inputs);
    const common = new Map<string, number>([
      ...Object.entries({ ...hyper, ...inputs }).map(([name, value]) =>
        [name, Number(value)] as const
      ),
      ["count", step],
    ]);
    const trees = { w: [theirs, params] } as Record<string, [unknown, unknown]>;
    for (const name of Object.keys(statesOf(state))) trees[name] = [theirState[name], state[name]];
    const points = new Map<string, Point>();
    const pointAt = (path: string, i: number): Point => {
      const key = `${path} ${i}`;
      const known = points.get(key) ?? new Map([
        ...common,
        ...Object.entries(before).map(([name, tree]) =>
          [name, leavesOf(tree).find((leaf) => leaf.path === path)!.data[i]] as const
        ),
      ]);
      points.set(key, known);
      return known;
    };
    for (const [name, [actual, expected]] of Object.entries(trees)) {
      const wanted = leavesOf(expected).map(({ data }) => numbersOf(data));
      leavesOf(actual).forEach(({ path, data }, k) => {
        const round = path === "single" ? Math.fround : (x: number) => x;
        numbersOf(data).forEach((value, i) => {
          numbers++;
          if (Object.is(value, wanted[k][i])) return;
          const at = pointAt(path, i);
          const what = `${name}[${i}] is ${value}, not ${wanted[k][i]}, at ${Deno.inspect(at)}`;
          assert(findsZero(at, round), `${what} in\n${document.step}`);
          excused++;
        });
      });
    }
  }
  await exported.dispose();
  return { numbers, excused };
}

Deno.test("random element-wise programs run in ONNX Runtime as the interpreter defines", async () => {
  const tallies: Tally[] = [];
  for (const [i, { document }] of programs.entries()) {
    tallies.push(await compare(document, 1000 * i));
  }
  const sum = (part: "numbers" | "excused") => tallies.reduce((all, each) => all + each[part], 0);
  assert(sum("numbers") > 50_000, `${sum("numbers")} numbers were compared`);
  assert(sum("excused") < 0.001 * sum("numbers"), `${sum("excused")} zeros were excused`);
});

Deno.test("the random programs are of many kinds", () => {
  const statements = programs.flatMap((each) => each.statements);
  const ops = new Set(postorder(statements.map(({ value }) => value)).map(({ op }) => op));
  for (const op of ["Sign", "Where", "Clip", "Div", "Sqrt", "IsNaN", "And", "Floor"] as const) {
    assert(ops.has(op), `none has ${op}`);
  }
  const count = (has: (each: Generated) => boolean) => programs.filter(has).length;
  assert(count(({ document }) => Object.keys(document.state ?? {}).length > 0) > 50);
  assert(count(({ document }) => Object.keys(document.inputs ?? {}).length > 0) > 50);
  assert(count(({ statements }) => statements.length > 2) > 50);
});

Deno.test("what is chosen for good between elements is rounded as elements are", async () => {
  const opt = optimizer({
    name: "chosen",
    hyper: { a: 0.3 },
    step: "u = 3*where(a > 0, a, w)",
  })().with({ backend: "interpreter" });
  const [ours, theirs] = [Float32Array.of(0), Float32Array.of(0)];
  opt.step(ours, ours.slice(), opt.init(ours));
  assertEquals(ours, Float32Array.of(Math.fround(3 * Math.fround(0.3))));
  const exported = await OrtOptimizer.load(toOnnx(opt, theirs));
  await exported.step(theirs, theirs.slice(), exported.init(theirs));
  assertEquals(theirs, ours);
  await exported.dispose();
});
