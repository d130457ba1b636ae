/** The form of generated files, by what can be told without Python. */

/** The functions that are a program's own, of a file's text. */
export function own(text: string): string[] {
  return text.split(/\n\n\n/).filter((each) =>
    /^def _(begin|part\d+|update|evaluated|form|schedule)(_\w+)?\(bucket\)/.test(each)
  );
}

const KEYWORDS = new Set(
  "def return if else for in not and or is None True False raise lambda class with try except pass elif"
    .split(" "),
);

/** What is wrong with the form of Python, by what can be told without it. */
export function faults(text: string): string[] {
  const found: string[] = [];
  const bare = text.replace(/"""[\s\S]*?"""/g, '""').replace(/f?"(?:[^"\\\n]|\\.)*"/g, '""')
    .replace(/#.*/g, "");
  const open: string[] = [];
  for (const sign of bare.match(/[()[\]{}]/g) ?? []) {
    if ("([{".includes(sign)) open.push(sign);
    else if (open.pop() !== { ")": "(", "]": "[", "}": "{" }[sign]) {
      found.push(`an unmatched ${sign}`);
    }
  }
  if (open.length > 0) found.push(`an open ${open.at(-1)}`);
  if (/"[^"\n]*$/m.test(bare.replaceAll('""', ""))) found.push("an open text");
  const defined = new Set(
    Array.from(bare.matchAll(/^ *(?:def|class) (\w+)/gm), ([, name]) => name),
  );
  for (const [, name] of bare.matchAll(/(?<![\w.])(_\w+)\(/g)) {
    if (!defined.has(name)) found.push(`${name} is not there`);
  }
  for (const body of own(text)) {
    const known = new Set([
      "bucket",
      "torch",
      "mx",
      "jnp",
      "ops",
      "math",
      "operator",
      "each",
      "int",
      "len",
      "abs",
      "slice",
      ...defined,
    ]);
    for (const line of body.split("\n").slice(1)) {
      if (!/^( {4})+\S/.test(line)) found.push(`an indentation: ${line}`);
      if (/^ +"""/.test(line)) continue;
      const [, target, value] = /^ +(?:([a-z]\w*) = )?(.*)$/i.exec(line)!;
      for (
        const [name] of value.replace(/"[^"]*"/g, "").matchAll(
          /(?<![\w.])[A-Za-z_]\w*(?!\w*=[^=])/g,
        )
      ) {
        if (!known.has(name) && !KEYWORDS.has(name)) {
          found.push(`${name} is read before it is set: ${line}`);
        }
      }
      if (target !== undefined) known.add(target);
    }
  }
  return found;
}
