/** What the zoo says of its optimizers is what their programs say. */
import { elaborate, statesRead } from "../dsl/graph.ts";
import { postorder } from "../dsl/node.ts";
import { expressionsOf } from "../dsl/program.ts";
import { latex, type Optimizer, type OptimizerFactory, printProgram } from "../mod.ts";
import * as zoo from "../zoo/mod.ts";
import { assert, assertEquals } from "./assert.ts";
import { SUMMED_UP } from "./equations.ts";
import { assertRefused } from "./refused.ts";

const factories = Object.entries(zoo) as [string, OptimizerFactory<unknown>][];

async function sources(): Promise<string> {
  const texts: string[] = [];
  const folder = new URL("../zoo/", import.meta.url);
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && name !== "mod.ts") texts.push(await Deno.readTextFile(new URL(name, folder)));
  }
  return texts.join("\n");
}

Deno.test("the equations in each doc comment are those the program prints", async () => {
  const text = await sources();
  for (const [name, { program }] of factories.filter(([name]) => !SUMMED_UP.includes(name))) {
    const equations = latex(program).split("\n").map((line) => ` * ${line}\n`).join("");
    assert(text.includes(` * \`\`\`text\n${equations} * \`\`\`\n`), `${name}:\n${equations}`);
  }
});

Deno.test("each optimizer bears its own name, a source, and at most 15 lines", () => {
  for (const [name, { program }] of factories) {
    assertEquals(program.name, name);
    assert(program.doc !== "" && program.source !== "");
    // A loop is a line, and so is each statement in it.
    const lines = printProgram(program).step.split("\n").filter((line) => line !== "}");
    assert(lines.length <= 15 || SUMMED_UP.includes(name), `${name}: ${lines.length}`);
  }
});

Deno.test("nothing of a program is left over, in any mode", () => {
  const modes: readonly Optimizer[] = [
    ...(["smooth", "refined"] as const).flatMap((mode) => [
      zoo.lion({ learningRate: 1, mode }),
      zoo.scaleByLion({ mode }),
    ]),
    ...[zoo.polyakSgd({ variant: "sps+" }), zoo.scaleByPolyak({ variant: "sps+" })],
    ...[zoo.lbfgs({ memorySize: 1 }), zoo.scaleByLbfgs({ memorySize: 1 })],
    ...[zoo.reduceOnPlateau({ mode: "max" }), zoo.dog({ initStep: ["distance", 1] })],
    ...(["spectral", "aol", "schatten"] as const).map((preconditioning) =>
      zoo.muon({ learningRate: 1, preconditioning, nsCoeffs: "dion" })
    ),
  ];
  const programs = [
    ...factories.map(([, { program }]) => program),
    ...modes.map((opt) => opt.program),
  ];
  for (const program of programs) {
    const graph = elaborate(program);
    const roots = [
      ...[graph.update, ...graph.states.values(), ...graph.globals.map(({ node }) => node)],
      ...[...program.state.values()].flatMap(expressionsOf),
    ];
    const read = new Set(postorder(roots).map(({ op, arg }) => op === "Symbol" && arg));
    for (const name of [...program.hyper.keys(), ...program.inputs.keys()]) {
      assert(read.has(name), `${program.name} does not read ${name}`);
    }
    const states = statesRead(program);
    for (const name of program.state.keys()) {
      // What `foundNan` says is for the caller.
      assert(states.has(name) || name === "foundNan", `${program.name} does not read ${name}`);
    }
    // What is multiplied by 1 was a hyperparameter.
    assert(!/(?<![\w.^])-?1\*/.test(printProgram(program).step), printProgram(program).step);
  }
});

Deno.test("each refuses options that are no object", () => {
  for (const [name, factory] of factories) {
    for (const options of [0.1, null, "options", true]) {
      assertRefused(
        () => factory(options),
        `Cannot make "${name}": its options must be an object: given `,
      );
    }
  }
});
