/**
 * Refuses options with a member that nothing reads: in JavaScript a misspelled option would change a token without a
 * word.
 *
 * @throws {TypeError} The options are not an object, or have another member. The message never holds its value.
 */
export function checkMembers(options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError("Expected options to be an object");
  }
  for (const name in options) {
    if (known.includes(name)) continue;
    const names = known.map((own) => `"${own}"`).join(", ");
    throw new TypeError(`Unknown option "${name}", expected one of ${names}`);
  }
}
