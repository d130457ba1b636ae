/** A Python interpreter that has a framework: named by GRADUS_PYTHON, else `python3`; and what it runs. */

const CANDIDATES = [Deno.env.get("GRADUS_PYTHON"), "python3"].filter((each) => each !== undefined);

/** An interpreter that imports these, or undefined, said aloud. */
export async function pythonWith(modules: readonly string[]): Promise<string | undefined> {
  for (const path of CANDIDATES) {
    const args = ["-c", modules.map((name) => `import ${name}`).join("; ")];
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
export async function runPython(python: string, script: URL, data: unknown): Promise<unknown> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(data));
    const command = new Deno.Command(python, { args: [script.pathname, file] });
    const { success, stdout, stderr } = await command.output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(file);
  }
}
