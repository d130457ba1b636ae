/** Runs the tests of the group "browser", which `together.ts` describes. */
import { together } from "../together.ts";

await together("browser");
