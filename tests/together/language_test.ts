/** Runs the tests of the group "language", which `together.ts` describes. */
import { together } from "../together.ts";

await together("language");
