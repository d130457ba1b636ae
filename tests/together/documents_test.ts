/** Every example in the documents and in the comments of the sources runs, in a module of its own. */
import { assert } from "../assert.ts";

const root = new URL("../../", import.meta.url);

/** The files that `deno check --doc` reads examples of. */
async function documents(folder = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder || ".", root))) {
    const path = `${folder}${name}`;
    const isElsewhere = name.startsWith(".") || /^(node_modules|out|tests)$/.test(path);
    if (isDirectory && !isElsewhere) found.push(...await documents(`${path}/`));
    else if (/\.(ts|md)$/.test(name)) found.push(path);
  }
  return found.sort();
}

/** A module of an example, its lines where the file has them. */
interface Example {
  readonly place: string;
  readonly code: string;
}

/** The examples of a file: what stands between fences that say `ts`, in a source in its comments. */
async function examplesOf(file: string): Promise<Example[]> {
  const whole = await Deno.readTextFile(new URL(file, root));
  const margin = file.endsWith(".md") ? "" : " *\\* ?";
  const fenced = new RegExp(`^${margin}\`\`\`ts\\n(.*?)^${margin}\`\`\`$`, "gms");
  return Array.from(whole.matchAll(fenced), ({ 1: text, index }) => {
    const line = whole.slice(0, index).split("\n").length;
    const code = text.replaceAll(new RegExp(`^${margin}`, "gm"), "");
    return { place: `${file}:${line}`, code: "\n".repeat(line) + code };
  });
}

const examples = (await Promise.all((await documents()).map(examplesOf))).flat();

for (const { place, code } of examples) {
  Deno.test(`the example at ${place} runs`, async () => {
    const url = URL.createObjectURL(new Blob([code], { type: "application/typescript" }));
    try {
      await import(url);
    } finally {
      URL.revokeObjectURL(url);
    }
  });
}

Deno.test("examples are found in documents and comments", () => {
  assert(examples.length > 300, `only ${examples.length} examples were found`);
  for (const end of [".md:", ".ts:"]) {
    assert(examples.some(({ place }) => place.includes(end)), end);
  }
});
