/** A Python interpreter that has a framework: named by GRADUS_PYTHON, else `python3`; and what it runs. */

const CANDIDATES = [Deno.env.get("GRADUS_PYTHON"), "python3"].filter((each) => each !== undefined);

/** An interpreter that imports these, or undefined, said aloud. */
export function pythonWith(modules: readonly string[]): Promise<string | undefined> {
  return pythonThat(modules.map((name) => `import ${name}`).join("; "), modules);
}

/** One where these packages are installed; none is imported, which takes long. */
export function pythonThatHas(packages: readonly string[]): Promise<string | undefined> {
  const asks = packages.map((name) => `importlib.metadata.version("${name}")`);
  return pythonThat(["import importlib.metadata", ...asks].join("; "), packages);
}

async function pythonThat(does: string, modules: readonly string[]): Promise<string | undefined> {
  for (const path of CANDIDATES) {
    const args = ["-c", does];
    const { success } = await new Deno.Command(path, { args, stderr: "null", stdout: "null" })
      .output()
      .catch(() => ({ success: false }));
    if (success) return path;
  }
  console.warn(
    `left out: no Python with ${modules.join(", ")} was found; GRADUS_PYTHON names an interpreter`,
  );
}

/** What a script prints as JSON when it is given `data` in a file. */
export async function runPython(
  python: string,
  script: URL,
  data: unknown,
  env: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(data));
    const command = new Deno.Command(python, { args: [script.pathname, file], env });
    const { success, stdout, stderr } = await command.output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(file);
  }
}
