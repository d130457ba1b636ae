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

Deno.test("derive works for what is built in, and says where it can write", async () => {
  const [code, out] = await run("derive", "signum");
  assertEquals(code, 0);
  assertStringIncludes(out, "As found: signum");
  const [usage, , error] = await run("derive", RAW, "-o", "lion.onnx");
  assertEquals(usage, 2);
  assertStringIncludes(
    error,
    "`derive` writes a page, such as -o derivation.html: given lion.onnx",
  );
});
