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

for (const others of [1, 3]) {
  Deno.test(`the deaths of ${others} threads, whatever they die of, are told once together`, async () => {
    const { code, output } = await script(`
      import { lion, resident } from "MOD";
      const library = process.getBuiltinModule("node:worker_threads");
      const workers = [];
      library.Worker = class extends library.Worker {
        constructor(...args) {
          super(...args);
          workers.push(this);
        }
      };
      const n = 1_000_000;
      const params = resident(new Float32Array(n));
      const gradients = resident(new Float32Array(n).fill(1));
      const opt = lion({ learningRate: 1, weightDecay: 0 }).with({ threads: ${others + 1} });
      const state = opt.init(params);
      const wait = () => new Promise((resolve) => setTimeout(resolve, 300));
      opt.step(params, gradients, state);
      await wait();
      for (const worker of workers) worker.postMessage({ kernel: 99, module: "none" });
      await wait();
      for (let i = 0; i < 3; i++) {
        try {
          opt.step(params, gradients, state);
        } catch (error) {
          console.log(i, error.name, error.message, params[0], state.count);
        }
        await wait();
      }
      console.log(params.every((value) => value === -3), state.count);
    `);
    assertEquals(code, 0, output);
    assert(/^0 GradusError Cannot step: .* goes on without \w+ -1 1$/m.test(output), output);
    assertEquals(output.match(/worker thread \d/g)?.length, others, output);
    assertEquals(output.match(/GradusError/g)?.length, 1, output);
    assertStringIncludes(output, "true 3");
  });
}

Deno.test("threads ask for nothing: in a terminal, without any permission, no question comes up", async () => {
  // `script` gives what it runs a terminal of its own; where it is missing there is no terminal to ask in.
  const isThere = await new Deno.Command("script", { args: ["--version"], stdout: "null" }).output()
    .then(({ success }) => success, () => false);
  if (!isThere) return;
  const threads = new URL("../../runtime/backends/wasm/threads.ts", import.meta.url).href;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      file,
      `import { lion, resident } from "${new URL("../../mod.ts", import.meta.url).href}";
      import { threadsTakenPart } from "${threads}";
      const params = resident(new Float32Array(1_000_000));
      const gradients = resident(new Float32Array(1_000_000).fill(1));
      const opt = lion({ learningRate: 0.5, weightDecay: 0 }).with({ threads: 2 });
      const state = opt.init(params);
      for (let step = 0; step < 400 && !threadsTakenPart(); step++) {
        opt.step(params, gradients, state);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      console.log(Deno.stdin.isTerminal(), threadsTakenPart());`,
    );
    const child = new Deno.Command("script", {
      args: ["-qec", `"${Deno.execPath()}" run "${file}"`, "/dev/null"],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // A question would wait for its answer.
    const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
    const { stdout } = await child.output();
    clearTimeout(timer);
    assertEquals(new TextDecoder().decode(stdout).trim(), "true true");
  } finally {
    await Deno.remove(file);
  }
});
