/** PNG files of every depth and kind of colour, and JPEG, are the pixels that they say. */
import jpeg from "jpeg-js";
import { decoded } from "../../cli/train/images.ts";
import { GradusError } from "../../dsl/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

// Written by hand in Python with zlib and struct, pixel by pixel.
const PNG: Readonly<
  Record<
    string,
    readonly [file: string, width: number, grey: number[] | undefined, colours?: number[]]
  >
> = {
  "1 bit": [
    "iVBORw0KGgoAAAANSUhEUgAAAAUAAAACAQAAAAC4ESvwAAAADElEQVR4nGPYwOABAAJcAPmXbEmmAAAAAElFTkSuQmCC",
    5,
    [255, 0, 255, 255, 0, 0, 255, 0, 0, 255],
  ],
  "4 bits": [
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABBAAAAAD7e6ZpAAAAC0lEQVR4nGPgbwAAAKEAkEAq5YwAAAAASUVORK5CYII=",
    3,
    [0, 255, 136],
  ],
  "a palette of 2 bits": [
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACAgMAAADgGo6JAAAACVBMVEX/AAAA/wABAgOqtXsIAAAADElEQVR4nGOQYJgAAADcAKls58AjAAAAAElFTkSuQmCC",
    3,
    undefined,
    [255, 0, 0, 0, 255, 0, 1, 2, 3, 1, 2, 3, 0, 255, 0, 255, 0, 0],
  ],
  "16 bits": [
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABEAIAAADA54+dAAAAD0lEQVR4nGP4/7+BgeE/AA37A37FXs7DAAAAAElFTkSuQmCC",
    1,
    undefined,
    [255, 128, 1],
  ],
  "brightness and opacity": [
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAQAAABeK7cBAAAADUlEQVR4nGNgT+E8AQACJwE977LK0wAAAABJRU5ErkJggg==",
    2,
    [7, 9],
  ],
};
const bytesOf = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

Deno.test("images are read as their formats say", () => {
  for (const [kind, [file, wide, grey, colours]] of Object.entries(PNG)) {
    const { pixels, width, height } = decoded(bytesOf(file), kind);
    const wanted = colours ?? grey!.flatMap((each) => [each, each, each]);
    assertEquals([width, width * height], [wide, wanted.length / 3], kind);
    assertEquals([...pixels].filter((_, i) => i % 4 !== 3), wanted, kind);
  }
  const [opacity] = [decoded(bytesOf(PNG["brightness and opacity"][0]), "").pixels];
  assertEquals([opacity[3], opacity[7]], [100, 200]);
  const data = Uint8Array.from(
    { length: 4 * 64 },
    (_, i) => i % 4 === 3 ? 255 : 100 + 50 * (i % 4),
  );
  const image = decoded(jpeg.encode({ width: 8, height: 8, data }, 100).data, "a.jpg");
  assert([...image.pixels].every((each, i) => Math.abs(each - data[i]) <= 3), `${image.pixels}`);
});

Deno.test("images that are cut off, changed or read otherwise than they are meant are refused", () => {
  const whole = bytesOf(PNG["16 bits"][0]);
  for (let length = 0; length < whole.length - 12; length++) {
    assertThrows(
      () => decoded(whole.subarray(0, length), "a.png"),
      GradusError,
      "Cannot read the image `a.png`",
    );
  }
  const changed = whole.slice();
  changed[45] ^= 1;
  assertThrows(() => decoded(changed, "a.png"), GradusError, "its bytes must be whole");
  const interlaced =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAFAacmyAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";
  assertThrows(
    () => decoded(bytesOf(interlaced), "a.png"),
    GradusError,
    "8 bits a channel where it is interlaced",
  );
  const data = new Uint8Array(4 * 256);
  const photo = jpeg.encode({ width: 16, height: 16, data }, 90).data;
  for (const length of [2, 20, 200, photo.length / 2]) {
    assertThrows(
      () => decoded(photo.subarray(0, length), "a.jpg"),
      GradusError,
      "Cannot read the image `a.jpg`",
    );
  }
});
