/** The lines of code and the options of the tables as one module, which is type-checked and run. */
import * as gradus from "../../mod.ts";
import * as losses from "../../losses/mod.ts";
import * as projections from "../../zoo/projections/mod.ts";
import { optionsOf, type Row, type Table } from "./tables.ts";

/** What the entries that the tables name export. */
export const ENTRIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ".": gradus,
  "./losses": losses,
  "./projections": projections,
};

const FILES: Readonly<Record<string, string>> = {
  ".": "mod.ts",
  "./losses": "losses/mod.ts",
  "./projections": "zoo/projections/mod.ts",
};

/** What a row says is here is exported. */
export function isExported({ here, entry = "." }: Row): boolean {
  return here !== undefined && Object.hasOwn(ENTRIES[entry] ?? {}, here);
}

const HELP = `
type Last<A extends readonly unknown[]> = A extends readonly [...unknown[], infer L] ? L : never;
type Options<F> = F extends (...given: infer A) => unknown ? keyof NonNullable<Last<Required<A>>> : never;
const has = <F>(_: F, _name: Options<F>) => {};
export function unknown() {
  // @ts-expect-error: what is no option is found
  has(adam, "notThere");
}
`;

/** The text of a module that names every option in a way that the type checker looks at, and has every line. */
export function moduleOf(tables: readonly Table[]): string {
  const root = new URL("../../", import.meta.url);
  const names = Object.entries(ENTRIES).map(([entry, exported], i) =>
    `import * as from${i} from "${new URL(FILES[entry], root)}";\n` +
    `const { ${Object.keys(exported).join(", ")} } = from${i};`
  );
  const rows = tables.flatMap((table) => Object.entries(table.names));
  const options = rows.filter(([, { here }]) => here !== undefined).flatMap(([name, row]) =>
    optionsOf(row).map(([theirs, ours]) =>
      `has(${row.here}, ${JSON.stringify(ours)}); // ${theirs} of ${name}`
    )
  );
  const lines = rows.filter(([, { code }]) => code !== undefined)
    .map(([name, { code }]) => `  [${JSON.stringify(name)}, () => ${code}],`);
  return [
    ...names,
    HELP,
    "export function options() {",
    ...options,
    "}",
    "export const lines: readonly (readonly [string, () => unknown])[] = [",
    ...lines,
    "];",
  ].join("\n");
}
