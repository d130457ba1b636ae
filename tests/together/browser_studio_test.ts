/** Runs the tests of the group "browser_studio", which `together.ts` describes. */
import { together } from "../together.ts";

await together("browser_studio");
