/** Genomes: every child is valid, hashes see what matters, and pruning changes no bit. */
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { factory, GradusError, parseJson, printJson } from "../../mod.ts";
import {
  ADAMW,
  analyse,
  Evaluator,
  paperFunctions,
  parseGenome,
  printGenome,
  Prober,
  programOf,
  quadratic,
  space,
} from "../../search/mod.ts";
import { unpruned } from "../../search/analysis/structure.ts";
import { mistakeIn } from "../../search/programs/genome.ts";
import { randomGenomes } from "./random_programs.ts";

const paper = space();
const key = (text: string) => analyse(paper, parseGenome(paper, text)).key;

Deno.test("every child of a mutation is valid, and its text reads back with the same hash", () => {
  for (const genome of randomGenomes(paper, 3000, 1)) {
    assertEquals(mistakeIn(paper, genome), undefined);
    const again = parseGenome(paper, printGenome(paper, genome));
    assertEquals(again, genome);
    assertEquals(analyse(paper, again).key, analyse(paper, genome).key);
  }
});

Deno.test("what is pruned and what is raw update alike, bit for bit", () => {
  const prober = new Prober(paper);
  let pruned = 0;
  for (const genome of randomGenomes(paper, 2000, 2)) {
    const analysis = analyse(paper, genome);
    pruned += genome.length - analysis.live.length;
    const short = Array.from(prober.updates(analysis));
    assertEquals(Array.from(prober.updates(unpruned(paper, analysis))), short);
  }
  assert(pruned > 5000, `only ${pruned} statements were pruned`);
});

Deno.test("0 and -0 are two constants", () => {
  const exact = space({ functions: { ...paperFunctions, over: { takes: ["x"], gives: "1/x" } } });
  const prober = new Prober(exact);
  const update = (factors: readonly string[]) => {
    const text = factors.map((factor, i) => `x${i} = mul(h, ${factor})`);
    const lines = ["h = mul(g, 0)", "h = abs(h)", ...text, "y = mul(x0, x0)", "x = over(x1)"];
    const genome = parseGenome(exact, [...lines, "update = add(x, y)"].join("\n"));
    return prober.updates(analyse(exact, genome))[0];
  };
  assertEquals([update(["-0", "0"]), update(["0", "-0"])], [Infinity, -Infinity]);
});

Deno.test("programs of the same hash update alike, and states that always agree are one", () => {
  const prober = new Prober(paper);
  const known = new Map<string, string>();
  let hits = 0;
  for (const genome of randomGenomes(paper, 3000, 3)) {
    const analysis = analyse(paper, genome);
    const print = prober.fingerprint(analysis);
    const before = known.get(analysis.key);
    known.set(analysis.key, print);
    if (before === undefined) continue;
    hits++;
    assertEquals(print, before, printGenome(paper, genome));
  }
  assert(hits > 500, `only ${hits} hits`);
  const twin = analyse(
    paper,
    parseGenome(paper, "m = add(m, g)\nv = add(g, v)\nupdate = mul(m, v)"),
  );
  const one = analyse(paper, parseGenome(paper, "m = add(m, g)\nupdate = mul(m, m)"));
  assertEquals(twin.states.length, 2);
  assertEquals(twin.key, one.key);
});

Deno.test("states come in the order of the space, wherever a program meets them first", () => {
  const three = space({ states: ["m", "v", "z"] });
  for (const sum of ["add(m, v)", "add(v, m)"]) {
    const text = `z = add(z, g)\nm = add(m, z)\nv = mul(v, g)\nx = ${sum}\nupdate = mul(x, z)`;
    const genome = parseGenome(three, text);
    assertEquals(analyse(three, genome).states, [3, 4, 5]);
    assertEquals([...programOf(three, genome).state.keys()], ["m", "v", "z"]);
  }
});

Deno.test("hashes see neither names nor the order of what may be exchanged, and see everything else", () => {
  const rule = "x = add(g, w)\nm = interp(x, m, 0.9)\nupdate = mul(m, lr)";
  assertEquals(key("y = add(w, g)\nv = interp(y, v, 0.9)\nupdate = mul(lr, v)"), key(rule));
  assertEquals(key(`m2 = cos(g)\n${rule}\nv = cosh(update)`), key(rule));
  for (
    const other of [
      "x = sub(g, w)\nm = interp(x, m, 0.9)\nupdate = mul(m, lr)",
      "x = add(g, w)\nm = interp(m, x, 0.9)\nupdate = mul(m, lr)",
      "x = add(g, w)\nm = interp(x, m, 0.8999999761581421)\nupdate = mul(m, lr)",
      "x = add(g, w)\nupdate = mul(m, lr)\nm = interp(x, m, 0.9)",
    ]
  ) assert(key(other) !== key(rule), other);
  const swapped = ADAMW.replace(/\bm\b/g, "?").replace(/\bv\b/g, "m").replaceAll("?", "v");
  assertEquals(key(swapped), key(ADAMW));
});

Deno.test("a state that is set before it is read, step after step, is dead", () => {
  const analysis = analyse(
    paper,
    parseGenome(paper, "v = interp(g, v, 0.9)\nm = sign(v)\nupdate = mul(m, lr)\nm = cosh(update)"),
  );
  assertEquals(analysis.live, [0, 1, 2]);
  assertEquals(analysis.states.map((state) => paper.inputs[state]), ["v"]);
});

const small = quadratic({ size: 16, block: 4, steps: 25, seeds: [1, 2] });

Deno.test("a genome trains as its program does in the library, pruned or raw, bit for bit", async () => {
  const evaluator = await Evaluator.of(paper, [small]);
  const scored = (genome: ReturnType<typeof parseGenome>, redundant: boolean) => {
    const program = parseJson(printJson(programOf(paper, genome, { redundant })));
    return evaluator.evaluateOptimizer((learningRate) =>
      factory<{ learningRate: typeof learningRate }>(program)({ learningRate })
    );
  };
  let finite = 0;
  for (const genome of randomGenomes(paper, 600, 4)) {
    const { score, scores } = evaluator.evaluate(analyse(paper, genome), { below: -1e9 });
    if (score === -Infinity) continue;
    finite++;
    assertEquals(scored(genome, false).scores, scores, printGenome(paper, genome));
    assertEquals(scored(genome, true).scores, scores, printGenome(paper, genome));
  }
  assert(finite > 300, `only ${finite} programs were sound`);
});

Deno.test("what cannot be a program or a space is refused with a reason", () => {
  assertThrows(() => parseGenome(paper, "update = sing(g)"), GradusError, "no function `sing`");
  assertThrows(() => parseGenome(paper, "update = add(g)"), GradusError, "takes 2 arguments");
  assertThrows(() => parseGenome(paper, "m = sign(g)"), GradusError, "no statement sets `update`");
  assertThrows(() => parseGenome(paper, "update = add(g, y)"), GradusError, "reads `y`");
  assertThrows(() => parseGenome(paper, "update = cos(lr)"), GradusError, "which is a tensor");
  assertThrows(
    () => parseGenome(space({ freeze: ["lr"] }), ADAMW),
    GradusError,
    "assigns `lr`, which is frozen",
  );
  assertThrows(() => space({ states: ["w"] }), GradusError, "given `w`");
  assertThrows(
    () => space({ functions: { total: { takes: ["x"], gives: "globalSum(x)" } } }),
    GradusError,
    "gives nothing",
  );
  assertThrows(
    () => space({ functions: { f: { takes: ["x"], gives: "x + y" } } }),
    GradusError,
    "`y` is no parameter",
  );
});

Deno.test("functions, states and comparisons of a user's own are searched like the paper's", () => {
  const own = space({
    functions: {
      ...paperFunctions,
      toward: { takes: ["x", "y"], gives: "where(x*y > 0, x, 0)" },
      mean: { takes: ["x:tensor"], gives: "mean(x)" },
    },
    states: ["m", "v", "z"],
  });
  const text = "z = interp(g, z, 0.5)\nx = toward(z, g)\ns = mean(x)\nupdate = mul(x, s)";
  const genome = parseGenome(own, text);
  const program = programOf(own, genome);
  assertEquals([...program.state.keys()], ["z"]);
  const updates = new Prober(own).updates(analyse(own, genome));
  assert(updates.some((u) => u === 0) && updates.some((u) => u !== 0));
});
