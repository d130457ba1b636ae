/** Programs on a page: equations that browsers typeset themselves, and the source that reads back. */
import { latex, type LatexOptions, written } from "../../dsl/latex.ts";
import { printStatements } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { escaped } from "./html.ts";

/** Writes programs as markup. */
export interface Typesetter {
  /** The equations. */
  equations(program: Program, options?: LatexOptions): string;
  /** What the hyperparameters in the equations are. */
  hyper(program: Program): string;
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
    return `<div class="equations">${math(lines, true)}</div>`;
  };
  return {
    equations,
    hyper: (program) => {
      const hyper = [...program.hyper].map(([name, value]) => {
        const is = value === "required" ? "is to be given" : `= ${value}`;
        return `${math(written(name), false)} <code>${escaped(name)}</code> ${is}`;
      });
      return hyper.length === 0 ? "" : `<p class="note">${hyper.join(", ")}</p>`;
    },
    program: (program, options) =>
      `<div class="program">${equations(program, options)}` +
      `<pre>${escaped(printStatements(program.statements))}</pre></div>`,
  };
}
