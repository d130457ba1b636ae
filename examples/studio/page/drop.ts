/// <reference lib="dom" />
/** Files and folders that are dropped on the page. */
import type { GivenFile } from "../protocol.ts";

/** Hands over what is dropped anywhere, with the folders that it was in; `failed` hears what cannot be read. */
export function listenForDrops(
  take: (files: readonly GivenFile[]) => void,
  failed: (error: unknown) => void,
): void {
  const isOver = (is: boolean) => document.body.classList.toggle("dropping", is);
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    isOver(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) isOver(false);
  });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    isOver(false);
    // The list is empty as soon as this has ended.
    const entries = Array.from(event.dataTransfer.items, (item) => item.webkitGetAsEntry());
    const plain = Array.from(event.dataTransfer.files, (file) => ({ path: file.name, file }));
    Promise.all(entries.map((entry) => entry === null ? [] : filesIn(entry)))
      .then((found) => found.flat())
      .then((found) => take(found.length > 0 ? found : plain))
      .catch(failed);
  });
}

async function filesIn(entry: FileSystemEntry): Promise<GivenFile[]> {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject)
    );
    return [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: GivenFile[] = [];
  for (;;) {
    // It gives a hundred or so at a time, and none in the end.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject)
    );
    if (entries.length === 0) return found;
    for (const each of entries) found.push(...await filesIn(each));
  }
}
