/**
 * Waits until `condition` holds; a fixed sleep would be too short on one machine and waste time on
 * another.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  milliseconds = 5_000,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`Not within ${milliseconds} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
