/** `gradus sweep`: a file says what is tried; a run that is killed goes on; what is wrong is shown at its place. */
import { main } from "../../cli.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const [out, error]: string[][] = [[], []];
  const print = (line: string) => out.push(line);
  const code = await main(["sweep", ...args], print, (line) => error.push(line));
  return { code, out: out.join("\n"), error: error.join("\n") };
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const MINE = "name: mine\nhyper: {learningRate: required}\nstep: u = -learningRate*sign(g)";

Deno.test("a sweep that is killed goes on, and gives the same bytes", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/mine.yaml`, MINE);
    const file = `${folder}/sweep.yaml`;
    await Deno.writeTextFile(
      file,
      `optimizers:
  adamw: { learningRate: { log: [1e-3, 1] }, weightDecay: [0, 0.01] }
  ./mine.yaml: { learningRate: { log: [1e-4, 1] } }
tasks: [quadratics]
trials: 30
steps: 100
`,
    );
    const checkpoint = `${folder}/trainings`;
    const cli = new URL("../../cli.ts", import.meta.url).pathname;
    const killed = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--no-check", cli, "sweep", file],
        ...["--workers", "1", "--checkpoint", checkpoint],
      ],
      stdout: "null",
    }).spawn();
    const size = () => Deno.stat(checkpoint).then(({ size }) => size, () => 0);
    while (await size() < 1000) await new Promise((resolve) => setTimeout(resolve, 20));
    killed.kill("SIGKILL");
    await killed.status;
    const kept = await size();
    const written: string[] = [];
    for (const args of [["--checkpoint", checkpoint, "-o", `${folder}/a.html`], []]) {
      const json = `${folder}/${args.length}.json`;
      const { code, out, error } = await run(file, "--workers", "0", ...args, "-o", json);
      assertEquals([code, error], [0, ""]);
      assert(/\nmine +\d\.\d\d ± \d.* 0 of 30 +learningRate 0\.\d+\n/.test(out), out);
      written.push(await Deno.readTextFile(json));
    }
    assertEquals(written[0], written[1]);
    assert(kept < await size(), "it was killed before its end");
    assertStringIncludes(await Deno.readTextFile(`${folder}/a.html`), "Best so far");
  });
});

/** The word of the file that an error points at. */
function pointedAt(error: string): string {
  const [, shown, carets] = /\n {2}\| (.*)\n {2}\| ( *\^+)$/.exec(error) ?? ["", "", ""];
  return shown.slice(carets.indexOf("^"), carets.length);
}

Deno.test("what cannot be swept is refused before anything is trained, and shown at its place", async () => {
  const lion = (setting: string) => `optimizers: { lion: { ${setting} } }\ntasks: [quadratics]\n`;
  const rate = "learningRate: [0.1]";
  const points = lion("learningRate: { log: [1, 2], points: 5 }");
  const three = ["lion", "sgd", "adam"].map((name) => `${name}: {learningRate: [1, 2]}`).join(", ");
  const refused: readonly (readonly [text: string, at: string, part: string])[] = [
    ["", "", "must have `optimizers` and `tasks`"],
    ["a: [", "", "Cannot read flow collection"],
    ["optimizers: {}\ntasks: [quadratics]", "optimizers", "an object of 1 to 10 optimizers"],
    [lion(rate).replace("quadratics", "x"), "x", "there is no task `x`; there are digits"],
    [
      "optimizers: # lino\n  lino: {}\ntasks: [quadratics]",
      "lino",
      "there is no optimizer `lino`; did you mean `lion`?",
    ],
    ["optimizers: { clip: { maxDelta: 1 } }\ntasks: [quadratics]", "clip", "it is a transform"],
    ["optimizers: { ./none.yaml: {} }\ntasks: [quadratics]", "./none.yaml", "none.yaml`"],
    [lion("b1: 0.9"), "lion", "`learningRate`"],
    [lion(`${rate}, lerningRate: 1`), "lerningRate", "did you mean `learningRate`?"],
    [
      lion(`${rate}, b1: { uniform: [0.5, 1.5] }`),
      "1.5",
      "`b1` must be a number in [0, 1): given 1.5",
    ],
    [lion(`${rate}, b2: [0.9, 1.5]`), "1.5", "must be a number in [0, 1): given 1.5"],
    [lion('learningRate: ["0.1*count", "0.1*cuont"]'), "cuont", "there is no `cuont`; did you"],
    [lion(`${rate}, b1: "${"1+".repeat(40_000)}"`), "", "its text must be at most 65536"],
    [lion(rate) + "checkpoint: x", "checkpoint", "there is no setting `checkpoint`"],
    ["a: &a [x, x]\nb: &b [*a, *a]\noptimizers: *b", "a", "there is no setting `a`"],
    ["optimizers: { __proto__: {} }\ntasks: [quadratics]", "__proto__", "no optimizer `__proto__`"],
    [lion(`${rate}, constructor: 1`), "constructor", "there is no option `constructor`"],
    [`optimizers: ${"[".repeat(9000)}`, "", "it is nested too deeply"],
    ["optimizers: { /dev/zero: {} }\ntasks: [quadratics]", "/dev/zero", "at most 4000000 bytes"],
    [lion("learningRate: []"), "learningRate", "a list of 1 to 100 values: given []"],
    [lion("learningRate: { log: [0, 1] }"), "log", "above 0 on a log scale: given 0"],
    [lion("learningRate: { log: [1, 0.1] }"), "log", "the smaller first"],
    [lion("learningRate: { log: [1] }"), "log", "between two numbers"],
    [lion("learningRate: { unifrom: [1, 2] }"), "unifrom", "did you mean `uniform`?"],
    [points, "points", "only `method: grid` takes"],
    [lion("learningRate: { log: [1, 2] }") + "method: grid", "learningRate", "how many `points`"],
    [points + "method: grid\ntrials: 4", "lion", "must be of at most 4 trials: it is of 5"],
    [lion(rate) + "method: tpee", "tpee", '"tpee"; did you mean `tpe`?'],
    [lion(rate) + "trails: 3", "trails", "there is no setting `trails`; did you mean `trials`?"],
    [lion(rate) + "trials: 1e9", "1e9", "`trials` must be a whole number from 1 to 10000"],
    [lion(rate) + "seeds: [1, 1]", "seeds", "different whole numbers from 0 on: given [1, 1]"],
    [lion(rate).replace("quadratics", "quadratic"), "quadratic", "did you mean `quadratics`?"],
    [lion(rate).replace("[quadratics]", "[]"), "tasks", "a list of some of digits, spirals"],
    [
      `optimizers: { ${three} }\ntasks: [quadratics]\nseeds: 100\ntrials: 10000`,
      "10000",
      "at most 1000000 trainings: given 3000000",
    ],
  ];
  await inFolder(async (folder) => {
    const file = `${folder}/sweep.yaml`;
    for (const [text, at, part] of refused) {
      await Deno.writeTextFile(file, text);
      const { code, out, error } = await run(file, "--workers", "0");
      assertEquals([code, out, pointedAt(error)], [1, "", at], `${text}: ${error}`);
      assertStringIncludes(error, part);
    }
  });
  for (
    const [args, part] of [
      [["none.yaml"], "Cannot read `none.yaml`"],
      [["sweep.yaml", "-o", "x.png"], "`sweep` writes FILE.html and FILE.json"],
      [[], "`sweep` needs a file"],
    ] as const
  ) {
    assertStringIncludes((await run(...args)).error, part);
  }
});
