/**
 * Writes what becomes of every optimizer in Python into `docs/python.md`:
 * `deno run -A tests/export/python/table.ts [targets]`, with an interpreter that has their frameworks
 * (GRADUS_PYTHON names it). The columns of other targets stay as they are.
 */
import type { PythonTarget } from "../../../export/python/mod.ts";
import { wrapped, zooOptimizers } from "../everything.ts";
import { caseOf, type PythonCase } from "./cases.ts";
import { pythonThatHas, runPython } from "./interpreter.ts";

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

/** How the files of a framework are run. */
interface Run {
  readonly packages: readonly string[];
  readonly script: string;
  /** The parameters for a file. Default: some of each rank. */
  readonly shapes?: (source: string) => readonly (readonly number[])[];
  readonly env?: Readonly<Record<string, string>>;
  readonly how?: object;
}

/** XLA without instructions that multiply and add at once, so that each operation is rounded on its own. */
export const NOTHING_FUSED = { XLA_FLAGS: "--xla_cpu_max_isa=AVX" };

/** How each framework's are. */
export const RUNS: Readonly<Record<PythonTarget, Run>> = {
  torch: { packages: ["torch", "numpy"], script: "run_torch.py" },
  optax: {
    packages: ["jax", "optax"],
    script: "run_optax.py",
    // Compiling takes as long as there are leaves, and most see no shapes and no other leaf.
    shapes: (source) => /def _form|def _part0|axis=/.test(source) ? [[4, 6], [5]] : [[4, 6]],
    env: NOTHING_FUSED,
    how: { quick: true },
  },
  mlx: { packages: ["numpy"], script: "run_mlx.py" },
  keras: { packages: ["keras", "torch"], script: "run_keras.py", env: { KERAS_BACKEND: "torch" } },
};

/** The cases of all optimizers and wrappers in a framework, and why some have none. */
export function allCases(to: PythonTarget): { cases: PythonCase[]; refused: Map<string, string> } {
  const { shapes, how } = RUNS[to];
  const cases: PythonCase[] = [];
  const refused = new Map<string, string>();
  for (const [name, make] of [...Object.entries(zooOptimizers), ...Object.entries(wrapped)]) {
    const made = caseOf(name, make(), to, 20, shapes);
    if ("made" in made) cases.push({ ...made.made, ...how && { how } });
    else refused.set(name, made.refused);
  }
  return { cases, refused };
}

/** What a table says of each optimizer in a framework. */
function column(compared: readonly Compared[], refused: ReadonlyMap<string, string>) {
  return new Map([
    ...compared.map(({ name, same, largest, error, left_out }) =>
      [
        name,
        error !== undefined
          ? "fails"
          : left_out !== undefined
          ? "left out"
          : same
          ? "same bits"
          : `within ${largest!.toExponential(0)}`,
      ] as const
    ),
    ...[...refused].map(([name, why]) =>
      [name, `refused: ${why.replace(/^.*? as Python: /, "")}`] as const
    ),
  ]);
}

/** The page with some columns of its table written anew. */
export function withTable(
  page: string,
  columns: ReadonlyMap<string, ReadonlyMap<string, string>>,
): string {
  const table = /(?:^\|.*\n)+/m;
  const [head, , ...rows] = table.exec(page)![0].trim().split("\n").map((line) =>
    line.slice(1, -1).split("|").map((cell) => cell.trim())
  );
  const known = new Map(
    head.slice(1).map((target, k) =>
      [target, new Map(rows.map((row) => [row[0], row[k + 1]]))] as const
    ),
  );
  const all = new Map(
    Object.keys(RUNS).flatMap((target) => {
      const own = columns.get(target) ?? known.get(target);
      return own === undefined ? [] : [[target, own] as const];
    }),
  );
  const names = [...new Set([...all.values()].flatMap((each) => [...each.keys()]))].sort();
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const written = [
    line(["optimizer", ...all.keys()]),
    line(Array(all.size + 1).fill("---")),
    ...names.map((name) => line([name, ...[...all.values()].map((each) => each.get(name) ?? "")])),
  ];
  return page.replace(table, () => `${written.join("\n")}\n`);
}

if (import.meta.main) {
  const given = Deno.args.length > 0 ? Deno.args : ["torch", "optax"];
  const columns = new Map<string, ReadonlyMap<string, string>>();
  for (const to of given as PythonTarget[]) {
    if (!Object.hasOwn(RUNS, to)) throw new Error(`there is no target ${to}`);
    const { packages, script, env } = RUNS[to];
    const python = await pythonThatHas(packages);
    if (python === undefined) Deno.exit(1);
    const { cases, refused } = allCases(to);
    const file = new URL(script, import.meta.url);
    const compared = await runPython(python, file, cases, env) as Compared[];
    for (const { name, error } of compared) if (error !== undefined) console.warn(name, error);
    columns.set(to, column(compared, refused));
  }
  const page = new URL("../../../docs/python.md", import.meta.url);
  Deno.writeTextFileSync(page, withTable(Deno.readTextFileSync(page), columns));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", page.pathname] }).output();
}
