/** Programs on a page: equations that browsers typeset themselves, and the source that reads back. */
import { latex, type LatexOptions, written } from "../dsl/latex.ts";
import { printStatements } from "../dsl/print.ts";
import type { Program } from "../dsl/program.ts";
import { escaped } from "./html.ts";

/** Writes programs as markup. */
export interface Typesetter {
  /** The equations, and what the hyperparameters in them are. */
  equations(program: Program, options?: LatexOptions): string;
  /** The same beside the source, whose constants have all their digits. */
  program(program: Program, options?: LatexOptions): string;
}

/** What typesets is loaded here, so that nothing but a page needs it. */
export async function typesetter(): Promise<Typesetter> {
  const { default: temml } = await import("temml");
  const math = (text: string, displayMode: boolean) =>
    temml.renderToString(text, { displayMode, throwOnError: true });
  const equations: Typesetter["equations"] = (program, options) => {
    const lines = `\\begin{align*}\n${latex(program, options)}\n\\end{align*}`;
    const hyper = [...program.hyper].map(([name, value]) => {
      const is = value === "required" ? "to be given" : `= ${value}`;
      return `${math(written(name), false)} <code>${escaped(name)}</code> ${is}`;
    });
    return `<div class="equations">${math(lines, true)}</div>` +
      (hyper.length === 0 ? "" : `<p class="note">${hyper.join(", ")}</p>`);
  };
  return {
    equations,
    program: (program, options) =>
      `<div class="program"><div>${equations(program, options)}</div>` +
      `<pre>${escaped(printStatements(program.statements))}</pre></div>`,
  };
}
