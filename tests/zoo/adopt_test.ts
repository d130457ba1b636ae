import { adopt } from "../../mod.ts";
import { type Rule, testByHand } from "./by_hand.ts";

/** Algorithm 2 of the paper, whose step 0 only measures; with Nesterov's momentum as Optax has it. */
function rule(b2: number, nesterov: boolean, most = (count: number) => count ** 0.25): Rule {
  const [alpha, b1, eps] = [0.003, 0.9, 1e-6];
  const [m, v]: number[][] = [[], []];
  return (_w, g, t) =>
    g.map((gradient, i) => {
      if (t === 1) {
        [m[i], v[i]] = [0, gradient ** 2];
        return 0;
      }
      const bound = most(t - 1);
      const divided = gradient / Math.max(Math.sqrt(v[i]), eps);
      const clipped = Math.min(Math.max(divided, -bound), bound);
      m[i] = b1 * m[i] + (1 - b1) * clipped;
      v[i] = b2 * v[i] + (1 - b2) * gradient ** 2;
      return -alpha * (nesterov ? b1 * m[i] + (1 - b1) * clipped : m[i]);
    });
}

testByHand("ADOPT is the paper's", adopt({ learningRate: 0.003 }), () => rule(0.9999, false));
testByHand(
  "ADOPT that looks ahead clips too",
  adopt({ learningRate: 0.003, b2: 0.5, nesterov: true }),
  () => rule(0.5, true),
);

const most = (count: number) => 0.5 + 0.1 * count;
testByHand(
  "ADOPT clips to what it is told",
  adopt({ learningRate: 0.003, b2: 0.5, clipValueFn: most }),
  () => rule(0.5, false, most),
);
