const FARTHEST = 3;

/** The known name that was probably meant, for the end of a sentence; nothing if none is close. */
export function suggestion(written: string, known: readonly string[]): string {
  const asColumn = written.replace(/([a-z])([A-Z])/g, "$1_$2").replaceAll("-", "_").toLowerCase();
  const [best] = known
    .map((name) => ({ name, distance: name.endsWith(`_${asColumn}`) ? 1 : steps(asColumn, name) }))
    .filter(({ name, distance }) => distance <= FARTHEST && distance < name.length / 2)
    .sort((a, b) => a.distance - b.distance);
  return best === undefined ? "" : `; did you mean "${best.name}"?`;
}

/** How many characters have to be inserted, removed or replaced (Levenshtein); more than `FARTHEST` is not counted out. */
function steps(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > FARTHEST) return Infinity;
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [line, character] of Array.from(from).entries()) {
    const next = [line + 1];
    for (const [column, other] of Array.from(to).entries()) {
      next.push(
        Math.min(
          (next[column] ?? 0) + 1,
          (row[column + 1] ?? 0) + 1,
          (row[column] ?? 0) + (character === other ? 0 : 1),
        ),
      );
    }
    row = next;
  }
  return row[to.length] ?? Infinity;
}
