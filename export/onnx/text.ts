/** What values are called: as the program calls them, or by a short expression of such. */
import { type Node, symbol, withSources } from "../../dsl/node.ts";
import { printExpression } from "../../dsl/print.ts";

const LONGEST = 28;
const CUT = "…";

/** The texts of nodes, worked out operands first. */
export class Texts {
  readonly #names: ReadonlyMap<Node, string>;
  readonly #leaf: (node: Node) => Node;
  readonly #shown = new Map<Node, Node>();

  /** `leaf` is what stands for a symbol in a text. */
  constructor(names: ReadonlyMap<Node, string>, leaf: (node: Node) => Node = (node) => node) {
    [this.#names, this.#leaf] = [names, leaf];
  }

  /** The text of `node`. */
  of(node: Node): string {
    const text = printExpression(this.show(node));
    return text.length <= LONGEST && !text.includes(CUT) ? text : node.op;
  }

  /** `node` as it is shown where it is an operand, which is short. */
  show(node: Node): Node {
    const stack = [node];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (this.#shown.has(top)) {
        stack.pop();
        continue;
      }
      const waiting = this.#names.has(top) ? [] : top.src.filter((each) => !this.#shown.has(each));
      if (waiting.length > 0) stack.push(...waiting);
      else this.#shown.set(stack.pop()!, this.#own(top));
    }
    return this.#shown.get(node)!;
  }

  #own(node: Node): Node {
    const name = this.#names.get(node);
    if (name !== undefined) return symbol(name);
    if (node.src.length === 0) return this.#leaf(node);
    const shown = withSources(node, node.src.map((each) => this.#shown.get(each)!));
    return printExpression(shown).length <= LONGEST ? shown : symbol(CUT);
  }
}
