/** What values are called: as the program calls them, or by a short expression of such. */
import { type Node, symbol, withSources } from "../../dsl/node.ts";
import { printExpression } from "../../dsl/print.ts";

const LONGEST = 40;
const CUT = "…";

/** How nodes are shown. */
export interface Shown {
  readonly names: ReadonlyMap<Node, string>;
  /** What stands for a symbol. */
  readonly leaf?: (node: Node) => Node;
  /** What a node was before it was lowered, and what each operand of that is now. */
  readonly meant?: (
    node: Node,
  ) => { readonly node: Node; readonly src: readonly Node[] } | undefined;
}

/** The texts of nodes, worked out operands first. */
export class Texts {
  readonly #given: Shown;
  readonly #shown = new Map<Node, Node>();

  constructor(given: Shown) {
    this.#given = given;
  }

  /** The text of `node`. */
  of(node: Node): string {
    const shown = this.show(node);
    const text = printExpression(shown);
    return text.length <= LONGEST && !text.includes(CUT)
      ? text
      : (shown.op === "Symbol" ? node : shown).op;
  }

  /** `node` as it is shown where it is an operand, which is short. */
  show(node: Node): Node {
    const stack = [node];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (this.#shown.has(top)) {
        stack.pop();
        continue;
      }
      const waiting = this.#given.names.has(top)
        ? []
        : this.#meant(top).src.filter((each) => !this.#shown.has(each));
      if (waiting.length > 0) stack.push(...waiting);
      else this.#shown.set(stack.pop()!, this.#own(top));
    }
    return this.#shown.get(node)!;
  }

  #meant(node: Node): { readonly node: Node; readonly src: readonly Node[] } {
    return this.#given.meant?.(node) ?? { node, src: node.src };
  }

  #own(node: Node): Node {
    const { names, leaf } = this.#given;
    const name = names.get(node);
    if (name !== undefined) return symbol(name);
    if (node.src.length === 0) return leaf === undefined ? node : leaf(node);
    const meant = this.#meant(node);
    const shown = withSources(meant.node, meant.src.map((each) => this.#shown.get(each)!));
    return printExpression(shown).length <= LONGEST ? shown : symbol(CUT);
  }
}
