/** One element of DER: its tag, and where its content is. */
export interface DerElement {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** Tags of X.690 that a public key is made of. */
export const DER_TAG = { integer: 0x02, bitString: 0x03, objectId: 0x06, sequence: 0x30 } as const;

/**
 * Reads the element at an offset: definite length, in its shortest form (X.690 §10.1), inside the bytes.
 *
 * @returns The element, or `undefined` if there is no such element.
 */
export function readDer(bytes: Uint8Array, offset: number): DerElement | undefined {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) return undefined;
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const octets = first - 0x80;
    if (octets < 1 || octets > 2) return undefined;
    length = 0;
    for (let index = 0; index < octets; index++) length = length << 8 | (bytes[start++] ?? 0);
    if (length < (octets === 1 ? 0x80 : 0x100)) return undefined;
  }
  const end = start + length;
  return end > bytes.length ? undefined : { tag, start, end };
}

/** Writes an element of DER, with its length in its shortest form. */
export function encodeDer(tag: number, content: readonly number[]): readonly number[] {
  const { length } = content;
  const octets = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return [tag, ...octets, ...content];
}
