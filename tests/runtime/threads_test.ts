/** Worker threads take part, keep no program running, and a dead one is an error that names it. */
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

async function script(text: string): Promise<{ code: number; output: string; seconds: number }> {
  const root = new URL("../../mod.ts", import.meta.url).href;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, text.replaceAll("MOD", root));
    const began = performance.now();
    const command = new Deno.Command(Deno.execPath(), { args: ["run", "--no-prompt", file] });
    const { code, stdout, stderr } = await command.output();
    const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    return { code, output, seconds: (performance.now() - began) / 1000 };
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("threads take part, and do not keep a program that is done running", async () => {
  const { code, output } = await script(`
    import { lion, resident } from "MOD";
    import { threadsTakenPart } from "${new URL(
    "../../runtime/backends/wasm/threads.ts",
    import.meta.url,
  )}";
    const n = 1_000_000;
    const params = resident(new Float32Array(n));
    const gradients = resident(new Float32Array(n).fill(1));
    const opt = lion({ learningRate: 0.5, weightDecay: 0 }).with({ threads: 2 });
    const state = opt.init(params);
    let steps = 0;
    for (; steps < 400 && !threadsTakenPart(); steps++) {
      opt.step(params, gradients, state);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    console.log(threadsTakenPart(), params.every((value) => value === -0.5 * steps));
  `);
  assertEquals(code, 0, output);
  assertStringIncludes(output, "true true");
});

Deno.test("a thread that dies is an error that names it, and the next step goes on", async () => {
  const { code, output } = await script(`
    import { lion, resident } from "MOD";
    import { endThreads } from "${new URL(
    "../../runtime/backends/wasm/threads.ts",
    import.meta.url,
  )}";
    const n = 1_000_000;
    const params = resident(new Float32Array(n));
    const gradients = resident(new Float32Array(n).fill(1));
    const opt = lion({ learningRate: 1, weightDecay: 0 }).with({ threads: 2 });
    const state = opt.init(params);
    opt.step(params, gradients, state);
    await endThreads();
    try {
      opt.step(params, gradients, state);
    } catch (error) {
      console.log(error.name, error.message, params[0], state.count);
    }
    opt.step(params, gradients, state);
    console.log(params.every((value) => value === -2), state.count);
  `);
  assertEquals(code, 0, output);
  assert(/GradusError Cannot step: worker thread 1 of 1 died .* -1 1\n/.test(output), output);
  assertStringIncludes(output, "true 2");
});
