/** The longest name that the registry can hold, in UTF-16 units. */
export const MAX_NAME_LENGTH = 255;

/** Tells whether a name holds a control character, which would forge lines in a log. */
export function hasControlCharacter(text: string): boolean {
  // deno-lint-ignore no-control-regex -- finding them is the purpose
  return /[\u0000-\u001f\u007f-\u009f]/.test(text);
}
