/** What is refused where sizes of matrices do not fit together. */
import { optimizer, type Tensor } from "../../mod.ts";
import { GradusError } from "../../dsl/errors.ts";
import { assertThrows } from "../assert.ts";
import { backends } from "./backends.ts";

const square: Tensor = { data: new Float32Array(4), shape: [2, 2] };

function refuse(step: string, params: Tensor, backend: typeof backends[number], message: string) {
  const opt = optimizer({ name: "unfit", state: { m: 0 }, step })({}).with({ backend });
  const doing = 'Cannot plan optimizer "unfit": ';
  assertThrows(() => opt.update(params, opt.init(params), params), GradusError, doing + message);
}

// Each would run on a square matrix if sizes were looked at as numbers.
const cases: readonly (readonly [step: string, message: string])[] = [
  [
    "u = g@w + 0*m",
    "`g@w` needs as many columns on its left as rows on its right: " +
    "given rows x columns and rows x columns",
  ],
  [
    "u = g@(w@transpose(w)) + 0*m",
    "`g@(w@transpose(w))` needs as many columns on its left as rows on its right: " +
    "given rows x columns and rows x rows",
  ],
  [
    "u = g + transpose(g) + 0*m",
    "`g + transpose(g)` needs operands of one shape: given rows x columns and columns x rows",
  ],
  [
    "u = g*mean(w@transpose(w), axis=0) + 0*m",
    "`g*mean(w@…, axis=0)` needs operands of one shape: given rows x columns and 1 x rows",
  ],
  [
    "u = g@(transpose(g)*mean(w, axis=0)) + 0*m",
    "`transpose(g)*mean(w, axis=0)` needs operands of one shape: " +
    "given columns x rows and one value a row or column",
  ],
  [
    "m = transpose(m + g); u = g + 0*norm(m)",
    "`m` must be of the parameter's shape, rows x columns: " +
    "given columns x rows, as `transpose(m + g)` is",
  ],
];

for (const backend of backends) {
  Deno.test(`sizes that do not fit are refused by name, even if they are equal (${backend})`, () => {
    for (const [step, message] of cases) refuse(step, square, backend, message);
    refuse(
      "u = transpose(g@transpose(w)) + 0*norm(m)",
      square,
      backend,
      "`u` must be of the parameter's shape, rows x columns: given rows x rows",
    );
  });

  Deno.test(`a parameter that is no matrix is refused by its rank (${backend})`, () => {
    const step = "u = g@transpose(g)@g + 0*m";
    const message = (given: string) =>
      "`transpose(g)` needs a parameter that is a matrix: given one of " + given +
      ": `where(rank == 2, a, b)` tells them apart";
    refuse(step, { data: new Float32Array(4), shape: [4] }, backend, message("1 dimension"));
    refuse(step, { data: new Float32Array(4), shape: [1, 2, 2] }, backend, message("3 dimensions"));
    refuse(step, { data: new Float32Array(1), shape: [] }, backend, message("0 dimensions"));
  });

  Deno.test(`a step says of the sum with the parameter what does not fit (${backend})`, () => {
    const opt = optimizer({ name: "unfit", step: "u = transpose(g)" })({}).with({ backend });
    assertThrows(
      () => opt.step(structuredClone(square), square, opt.init(square)),
      GradusError,
      "`w + transpose(g)` needs operands of one shape: given rows x columns and columns x rows",
    );
  });
}

Deno.test("a factor that turns out to be a number is refused where that is known", () => {
  const chosen = optimizer({
    name: "chosen",
    hyper: { plain: false },
    step: "u = where(plain, 1, g)@transpose(g)@g",
  });
  const opt = chosen({ plain: true });
  assertThrows(
    () => opt.update(square, opt.init(square), square),
    GradusError,
    "`1@transpose(g)` needs matrices: given a number and columns x rows",
  );
});
