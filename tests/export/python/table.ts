/**
 * Writes what becomes of every optimizer in Python into `docs/python.md`:
 * `deno run -A tests/export/python/table.ts`, with an interpreter that has torch (GRADUS_PYTHON names it).
 */
import type { PythonTarget } from "../../../export/python/mod.ts";
import { wrapped, zooOptimizers } from "../everything.ts";
import { caseOf, type PythonCase } from "./cases.ts";
import { pythonWith, runPython } from "./interpreter.ts";

/** How a generated file did. */
export interface Compared {
  readonly name: string;
  /** The largest difference, in shares of the largest number of its parameter. */
  readonly largest?: number;
  /** Whether all bits are the same. */
  readonly same?: boolean;
  readonly error?: string;
  /** Why it was not tried. */
  readonly left_out?: string;
}

/** The cases of all optimizers and wrappers in a framework, and why some have none. */
export function allCases(to: PythonTarget): { cases: PythonCase[]; refused: Map<string, string> } {
  const cases: PythonCase[] = [];
  const refused = new Map<string, string>();
  for (const [name, make] of [...Object.entries(zooOptimizers), ...Object.entries(wrapped)]) {
    const made = caseOf(name, make(), to);
    if ("made" in made) cases.push(made.made);
    else refused.set(name, made.refused);
  }
  return { cases, refused };
}

/** The page with its table replaced. */
export function withTable(
  page: string,
  compared: readonly Compared[],
  refused: ReadonlyMap<string, string>,
): string {
  const rows = new Map([
    ...compared.map(({ name, same, largest, error }) =>
      [
        name,
        error !== undefined ? "fails" : same ? "same bits" : `within ${largest!.toExponential(0)}`,
      ] as const
    ),
    ...[...refused].map(([name, why]) =>
      [name, `refused: ${why.replace(/^.*? as Python: /, "")}`] as const
    ),
  ]);
  const lines = [...rows].sort(([a], [b]) => a < b ? -1 : 1).map(([name, text]) =>
    `| ${name} | ${text} |`
  );
  return page.replace(
    /(?:^\|.*\n)+/m,
    `| optimizer | torch |\n| --- | --- |\n${lines.join("\n")}\n`,
  );
}

if (import.meta.main) {
  const python = await pythonWith(["torch"]);
  if (python === undefined) Deno.exit(1);
  const { cases, refused } = allCases("torch");
  const script = new URL("run_torch.py", import.meta.url);
  const page = new URL("../../../docs/python.md", import.meta.url);
  const compared = await runPython(python, script, cases) as Compared[];
  Deno.writeTextFileSync(page, withTable(Deno.readTextFileSync(page), compared, refused));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", page.pathname] }).output();
}
