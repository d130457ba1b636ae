/** The public names of Optax and PyTorch, each with what it is here or why it is not. */

/** A public name of another library. */
export interface Row {
  /** The name that this is another name of; nothing else is said then. */
  readonly same?: string;
  /** The parameters of its signature, with defaults; none for a type. */
  readonly takes?: readonly string[];
  /** The section of the page. */
  readonly group?: string;
  /** The function here. */
  readonly here?: string;
  /** The entry that exports it. Default `"."`. */
  readonly entry?: string;
  /** The type here. */
  readonly type?: string;
  /** Parameters that are arguments of their own here, and no options. */
  readonly given?: readonly string[];
  /** Options of another name than theirs in camel case. */
  readonly options?: Readonly<Record<string, string>>;
  /** Parameters that have no option here, and why. */
  readonly without?: Readonly<Record<string, string>>;
  /** Defaults that differ, and why. */
  readonly differs?: Readonly<Record<string, string>>;
  /** A line of code there. */
  readonly theirs?: string;
  /** The same line here. */
  readonly code?: string;
  /** What else to know. */
  readonly note?: string;
  /** Why it is not here, or is no function of its own. */
  readonly why?: string;
  /** Whether `fromTorchConfig` takes it with its defaults. */
  readonly config?: true;
}

/** The public names of one release. */
export interface Table {
  readonly release: string;
  readonly names: Readonly<Record<string, Row>>;
}

/** The table of a library. */
export function tableOf(library: "optax" | "torch"): Table {
  return JSON.parse(Deno.readTextFileSync(new URL(`${library}.json`, import.meta.url)));
}

/** The names of a signature's parameters, with the default that is written there. */
export function parametersOf({ takes = [] }: Row): [name: string, usual: string | undefined][] {
  return takes.map((text) => {
    const at = text.indexOf("=");
    return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
  });
}

/** The options here that a row says there are, by their names there. */
export function optionsOf(row: Row): [theirs: string, ours: string][] {
  const { given = [], options = {}, without = {} } = row;
  return parametersOf(row)
    .filter(([name]) => !given.includes(name) && !Object.hasOwn(without, name))
    .map(([name]) => [name, options[name] ?? camel(name)]);
}

/** A name in camel case. */
export function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}

/** A number, truth value, text, list or nothing as Python writes it; undefined if it is something else. */
export function valueOf(text: string): unknown {
  const json = text.replaceAll("'", '"').replaceAll("(", "[").replaceAll(")", "]")
    .replace(/\bNone\b/g, "null").replace(/\bTrue\b/g, "true").replace(/\bFalse\b/g, "false")
    .replace(/\binf\b/g, "1e999");
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
