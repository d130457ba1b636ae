/** `gradus derive`: the derivation of Lion as text and as a page. */
import { main } from "../cli.ts";
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";

const RAW = new URL("../examples/lion-raw.yaml", import.meta.url).pathname;

async function run(
  ...args: readonly string[]
): Promise<[code: number, out: string, error: string]> {
  const [out, error]: string[][] = [[], []];
  const code = await main(args, (line) => out.push(line), (line) => error.push(line));
  return [code, out.join("\n"), error.join("\n")];
}

Deno.test("derive prints the way to Lion and writes it as a page", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/lion.html`;
    const [code, out, error] = await run("derive", RAW, "-o", path);
    assertEquals([code, error], [0, ""]);
    for (const part of ["As found: lionRaw", "dropping asin (approximate)", "It is lion"]) {
      assertStringIncludes(out, part);
    }
    assertStringIncludes(out, "u = -learningRate*(sign(c) + weightDecay*w)");
    const page = await Deno.readTextFile(path);
    assertStringIncludes(page, "<title>From lionRaw to lion</title>");
    // As it was found, and after each of the five stages.
    assertEquals(page.match(/<math display="block"/g)?.length, 6);
    assert(!page.includes("temml-error") && !/(src|href)=/.test(page));
    assertStringIncludes(page, "where(n &lt; learningRate, 1, learningRate/n)");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a known optimizer is named and not derived again, also in other words", async () => {
  const [code, out] = await run("derive", "signum");
  assertEquals(code, 0);
  assert(out.startsWith("signum is a built-in optimizer. There is nothing to derive.\n"), out);
  assertStringIncludes(out, "    u = -learningRate*sign(m)");
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/mine.json`;
    const mine = (step: string, rate: number | string = "required") =>
      Deno.writeTextFile(
        path,
        JSON.stringify({ name: "mine", hyper: { learningRate: rate }, step }),
      );
    await mine("s = sign(g); u = -(learningRate*s)");
    const [, same] = await run("derive", path, "-o", `${folder}/mine.html`);
    assertStringIncludes(same, `${path} is signSgd, a built-in optimizer.`);
    const page = await Deno.readTextFile(`${folder}/mine.html`);
    assertStringIncludes(page, "<title>mine is signSgd</title>");
    for (
      const [step, rate] of [["u = -learningRate*sign(2*g)", 0.5], ["u = -learningRate*(g + w)"]]
    ) {
      await mine(step as string, rate);
      assertStringIncludes((await run("derive", path))[1], "As found: mine");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("derive says where it can write", async () => {
  const [usage, , error] = await run("derive", RAW, "-o", "lion.onnx");
  assertEquals(usage, 2);
  assertStringIncludes(
    error,
    "`derive` writes a page, such as -o derivation.html: given lion.onnx",
  );
});
