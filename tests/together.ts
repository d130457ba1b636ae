/** Which test files run together: an isolate each, to start and to warm up, costs more than most of them. */
import { assert } from "./assert.ts";

const tests = new URL("./", import.meta.url);

/** The files that run together, by the name of the one in `together/` that runs them: the first that fits. */
const GROUPS = {
  adapters: /^adapters\//,
  browser: /^(browser\/|several)/,
  cases: /^cases\//,
  cli: /^(cli|trainer\/)/,
  derive: /^derive\//,
  export: /^export\/\w+\./,
  export_files: /^export\/(python|safetensors)\//,
  export_train: /^export\/train\//,
  language: /^(dsl|golden|wrappers)\//,
  programs: /^(node|examples|demo|bundle|parity)/,
  runtime: /^runtime\/([a-m]\w+|matrix_\w+)\./,
  runtime_more: /^runtime\//,
  search: /^search\//,
  webgpu: /^webgpu\//,
  zoo: /^zoo/,
  /** What stands nowhere else, so that no file is left out. */
  rest: /^/,
} satisfies Readonly<Record<string, RegExp>>;

type Group = keyof typeof GROUPS;

/** Registers the tests of the files of a group. */
export async function together(group: Group): Promise<void> {
  const files = (await testFiles()).filter((file) => groupOf(file) === group);
  assert(files.length > 0, `no file of tests is of the group ${group}`);
  for (const file of files) await import(new URL(file, tests).href);
  if (group !== "rest") return;
  Deno.test("every group of test files is run", async () => {
    for (const name of Object.keys(GROUPS)) {
      await Deno.stat(new URL(`together/${name}_test.ts`, tests));
    }
  });
}

function groupOf(file: string): string {
  return Object.entries(GROUPS).find(([, fits]) => fits.test(file))![0];
}

/** The files of tests by their paths from here, but those that run others. */
async function testFiles(folder = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder || ".", tests))) {
    const path = `${folder}${name}`;
    if (isDirectory) found.push(...await testFiles(`${path}/`));
    else if (name.endsWith("_test.ts") && folder !== "together/") found.push(path);
  }
  return found.sort();
}
