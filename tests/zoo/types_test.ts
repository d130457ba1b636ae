/** What the types of the library's optimizers tell of their states is what they keep. */
import { BUILT_IN } from "../../cli/files.ts";
import { requiredOf } from "../../runtime/required.ts";
import { assertEquals } from "../assert.ts";

/** Those whose states are too many to be named in a type. */
const UNNAMED = ["lbfgs", "scaleByLbfgs", "scaleBySm3", "sm3"];

/** The type of what a factory makes, told by what it keeps of a matrix and a vector by default. */
function typeOf(name: string): string {
  const factory = BUILT_IN.get(name)!;
  const { program } = factory;
  // Muon's option is `adamLearningRate`, and need not be given.
  const { learningRate_adam: _, ...options } = requiredOf(program, 1);
  const matrix = { data: new Float32Array(4).fill(1), shape: [2, 2] };
  const state = factory(options as never).init([matrix, Float32Array.of(1)]);
  const kinds = [...program.state].map(([each, { over }]) =>
    `${each}${Object.hasOwn(state, each) ? "" : "?"}: "${over === "tree" ? "tree" : "leaf"}"`
  );
  const hyper: string[] = [];
  for (const each in state.hyper) hyper.push(JSON.stringify(each));
  const states = UNNAMED.includes(name) ? "" : kinds.join("; ");
  return `Optimizer<{ ${states} }, ${hyper.join(" | ") || "never"}>`;
}

Deno.test("each optimizer's type names the states and hyperparameters that it has", async () => {
  const names = [...BUILT_IN.keys()];
  const lines = names.map((name) =>
    `export const ${name}: Same<ReturnType<typeof lib.${name}>, lib.${typeOf(name)}> = true;`
  );
  const text = [
    ...lines,
    `import * as lib from "${new URL("../../mod.ts", import.meta.url)}";`,
    "type Told<O> = { states: Plain<lib.StatesIn<O>>; hyper: lib.HyperIn<O> };",
    "type Plain<S> = { [K in keyof S]: S[K] };",
    "type Same<A, B> = Equal<Told<A>, Told<B>>;",
    "type Equal<A, B> = Is<A> extends Is<B> ? true : false;",
    "type Is<A> = <T>() => T extends A ? 1 : 2;",
  ].join("\n");
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/types.ts`, text);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--config", config, `${folder}/types.ts`],
    }).output();
    const wrong = Array.from(
      new TextDecoder().decode(stderr).matchAll(/types\.ts:(\d+):/g),
      ([, line]) => names[Number(line) - 1],
    );
    assertEquals(wrong, []);
    assertEquals(success, true, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
