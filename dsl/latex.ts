/** Writes a program as the equations a paper would print. */
import { GradusError, shown } from "./errors.ts";
import { type Node, PARAMETER } from "./node.ts";
import { LETTER_NAMES, plainDigits, WRITTEN_AS } from "./greek.ts";
import { elementOps, elementRow, indexOp, LEVEL, matrixRow, randomRow, reduceRow } from "./ops.ts";
import { axisOfIndex, everyOf, randomOperands } from "./print.ts";
import type { Program, Statement } from "./program.ts";
import { type Repeat, withRepeats } from "./repeats.ts";
import { SHAPE_SYMBOLS } from "./scope.ts";

// Letters and their names, as LaTeX has them.
const GREEK: ReadonlyMap<string, string> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ [...LETTER_NAMES].flatMap(([letter, name]) =>
    [letter, name].map((each) => [each, `\\${name}`] as const)
  ),
);

/** How {@linkcode latex} writes. */
export interface LatexOptions {
  /** Significant digits to which constants are rounded. Default: as many as each needs to be exact. */
  readonly digits?: number;
}

/**
 * The equations of a program, one line a statement, one for the state and one for what to evaluate with,
 * ready for `\begin{align*}`.
 *
 * @example
 * ```ts
 * import { latex, lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(latex(lion.program), String.raw`
 * c_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\operatorname{sign} \left( c_t \right) + \lambda \cdot \theta_{t-1}) \\
 * m_t &\leftarrow \beta_2 \cdot m_{t-1} + (1 - \beta_2) \cdot g_t \\
 * S_t &\leftarrow (m_t)
 * `.trim());
 * ```
 *
 * @throws {GradusError} if `digits` is not a whole number from 1 to 100.
 */
export function latex(program: Program, { digits }: LatexOptions = {}): string {
  if (digits !== undefined && !(Number.isInteger(digits) && digits >= 1 && digits <= 100)) {
    throw new GradusError(
      `Cannot write "${program.name}" as equations: \`digits\` must be a whole number from 1 to 100: ` +
        `given ${shown(digits)}`,
    );
  }
  const current = new Set<string>(["g"]);
  const name = (symbol: string): string => {
    if (program.hyper.has(symbol) || program.inputs.has(symbol)) return written(symbol);
    if (SHAPE_SYMBOLS.has(symbol)) return written(symbol);
    if (symbol === "w") return "\\theta_{t-1}";
    if (symbol === "t") return "t";
    if (symbol === "count") return "(t - 1)";
    return indexed(symbol, current.has(symbol) ? "t" : "t-1");
  };
  let constants: readonly string[] = [];
  const nameIn = (symbol: string) => constants.includes(symbol) ? symbol : name(symbol);
  const line = ({ target, value }: Statement): string => {
    const right = write(value, nameIn, digits).text;
    current.add(target);
    return `${name(target)} &\\leftarrow ${right}`;
  };
  const lines = withRepeats(program.statements).flatMap((each) => {
    if (!("body" in each)) return [line(each)];
    constants = each.names;
    const body = each.body.map((statement) => `\\quad ${line(statement)}`);
    constants = [];
    return [`${turns(each, digits)} &`, ...body];
  });
  if (program.state.size > 0) {
    const states = [...program.state.keys()].map(name).join(", ");
    lines.push(`S_t &\\leftarrow (${states})`);
  }
  if (program.evaluate !== PARAMETER) {
    const left = (symbol: string) => symbol === "w" ? "\\theta_t" : name(symbol);
    program.state.forEach((_, state) => current.add(state));
    lines.push(`\\bar{\\theta}_t &= ${write(program.evaluate, left, digits).text}`);
  }
  return lines.join(" \\\\\n");
}

/** How often a loop goes, or what its names are at each turn. */
function turns({ names, turns }: Repeat, digits: number | undefined): string {
  if (names.length === 0) return `\\textbf{repeat } ${turns.length}`;
  const list = (items: readonly string[]) =>
    items.length === 1 ? items[0] : `\\left( ${items.join(", ")} \\right)`;
  const numbers = turns.map((turn) => list(turn.map((value) => roundedNumber(value, digits).text)));
  return `\\textbf{repeat } ${list(names)} \\in ${numbers.join(", ")}`;
}

function write(
  node: Node,
  name: (symbol: string) => string,
  digits: number | undefined,
): { text: string; level: number } {
  if (node.op === "Const") return roundedNumber(node.arg as number, digits);
  if (node.op === "Zero") return { text: "0", level: LEVEL.atom };
  if (node.op === "Symbol") return { text: name(node.arg as string), level: LEVEL.atom };
  if (node.op === "Index") {
    const { level, write } = indexOp.latex;
    return { text: write(axisOfIndex(node)), level };
  }
  const operand = (each: Node, least: number): string => {
    const { text, level } = write(each, name, digits);
    return level < least ? `(${text})` : text;
  };
  const every = everyOf(node);
  if (every !== undefined) {
    const [value, otherwise] = node.src.slice(1).map((each) => operand(each, 0));
    const condition = `${operand(every.k, LEVEL.sum)} \\mid ${operand(every.clock, LEVEL.sum)}`;
    const { level, write } = elementOps.Where.latex;
    return { text: write(condition, value, otherwise), level };
  }
  const reduction = reduceRow(node.op);
  const distribution = randomRow(node.op);
  const row = (elementRow(node.op) ?? matrixRow(node.op) ?? distribution ?? reduction!).latex;
  const operands = distribution === undefined ? node.src : randomOperands(node);
  const text = row.write(...operands.map((each, i) => operand(each, row.operands[i])));
  if (reduction === undefined || node.arg === "tensor") return { text, level: row.level };
  const over = node.arg === "tree" ? "\\text{tree}" : writeAxes(node.arg as string);
  return { text: `${text}_{${over}}`, level: row.level };
}

/** `0,2:` as `\text{axis } 0,2:`; `secondLargest` as `\text{second largest axis}`. */
function writeAxes(over: string): string {
  const named = over.replace(/([a-z]+)([A-Z]?)([a-z]*)/g, (_, first, initial, rest) => {
    const words = [first, initial.toLowerCase() + rest].filter(Boolean).join(" ");
    return `\\text{${words}}`;
  });
  return `\\text{axis } ${named}`;
}

function roundedNumber(value: number, digits: number | undefined): { text: string; level: number } {
  return writeNumber(digits === undefined ? value : Number(value.toPrecision(digits)));
}

function writeNumber(value: number): { text: string; level: number } {
  const level = value < 0 || Object.is(value, -0) ? LEVEL.unary : LEVEL.atom;
  if (Number.isNaN(value)) return { text: "\\text{NaN}", level };
  if (!Number.isFinite(value)) return { text: value < 0 ? "-\\infty" : "\\infty", level };
  const [digits, exponent] = (Object.is(value, -0) ? "-0" : String(value)).split("e");
  if (exponent === undefined) return { text: digits, level };
  const power = `10^{${Number(exponent)}}`;
  if (digits === "1") return { text: power, level: LEVEL.power };
  return { text: `${digits} \\cdot ${power}`, level: Math.min(level, LEVEL.product) };
}

/** How a hyperparameter or an input is written. */
export function written(name: string): string {
  const [, stem, copy] = /^(.*?)(?:_([0-9]+))?$/.exec(name)!;
  const letter = WRITTEN_AS.get(stem)?.[0];
  if (letter === undefined) return indexed(name, "");
  // Schedules make it another at each step.
  const time = stem === "learningRate" ? "_t" : "";
  return stemmed(letter) + time + (copy === undefined ? "" : `^{(${copy})}`);
}

/** `m`, `t-1` as `m_{t-1}`; `beta1` as `\beta_1`; `mhat` as `\hat{m}_t`; `m_2` as `m^{(2)}_t`. */
function indexed(name: string, time: string): string {
  const [, stem, digits, copy] = /^(.*?)([0-9]*|[₀-₉]*)(?:_([0-9]+))?$/.exec(name)!;
  const subscript = [plainDigits(digits), time].filter(Boolean).join(",");
  const base = stemmed(stem === "b" && digits !== "" ? "beta" : stem);
  return base + (copy === undefined ? "" : `^{(${copy})}`) +
    (subscript === "" ? "" : subscript.length === 1 ? `_${subscript}` : `_{${subscript}}`);
}

function stemmed(stem: string): string {
  const accent = /^(.+?)_?(hat|bar|tilde)$/.exec(stem);
  if (accent !== null && (accent[1].length === 1 || GREEK.has(accent[1]))) {
    return `\\${accent[2]}{${stemmed(accent[1])}}`;
  }
  const greek = GREEK.get(stem);
  if (greek !== undefined) return greek;
  return stem.length === 1 ? stem : `\\mathrm{${stem.replaceAll("_", "\\_")}}`;
}
