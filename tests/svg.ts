/** Reads SVG text strictly enough to say that it is well formed. */

const TOKEN =
  /<!--[^]*?-->|<\?[^]*?\?>|<![^>]*>|<(\/?)([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|[^<]+|</y;
const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&amp;": "&",
  "&quot;": '"',
  "&apos;": "'",
};

interface Content {
  readonly tags: readonly string[];
  readonly texts: readonly string[];
}

function read(xml: string): Content {
  const open: string[] = [];
  const [tags, texts]: string[][] = [[], []];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < xml.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(xml);
    const [token, closes, tag, attributes, isEmpty] = match ?? [""];
    if (match === null || token === "<") throw new Error(`no markup: ${xml.slice(at, at + 60)}`);
    if (tag === undefined) {
      if (token.startsWith("<")) continue;
      if (token.trim() !== "" && open.length === 0) throw new Error(`text outside: ${token}`);
      texts.push(plain(token));
    } else if (closes === "/") {
      const last = open.pop();
      if (last !== tag) throw new Error(`</${tag}> closes <${last}>`);
    } else {
      const names = Array.from(attributes.matchAll(/([\w:.-]+)\s*=\s*("[^"]*"|'[^']*')/g));
      if (new Set(names.map(([, name]) => name)).size !== names.length) {
        throw new Error(`an attribute twice: ${token}`);
      }
      names.forEach(([, , value]) => plain(value));
      if (open.length === 0 && tags.length > 0) throw new Error(`a second root: ${token}`);
      tags.push(tag);
      if (isEmpty !== "/") open.push(tag);
    }
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(" ")}`);
  if (tags.length === 0) throw new Error("nothing at all");
  return { tags, texts };
}

function plain(text: string): string {
  return text.replace(/&[^;\s]*;?/g, (entity) => {
    const code = /^&#(x?)([0-9a-fA-F]+);$/.exec(entity);
    if (code !== null) return String.fromCodePoint(parseInt(code[2], code[1] === "x" ? 16 : 10));
    if (!Object.hasOwn(ENTITIES, entity)) throw new Error(`no entity: ${entity}`);
    return ENTITIES[entity];
  });
}

/** The tags of a picture in order; throws if it is not well formed. */
export function tagsOf(svg: string): readonly string[] {
  return read(svg).tags;
}

/** The texts between the tags of a picture. */
export function textsOf(svg: string): string[] {
  return read(svg).texts.filter((text) => text.trim() !== "");
}
