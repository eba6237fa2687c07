// Which objects are plain data.

/** An object literal, of any realm: it has no prototype, or its prototype has none. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
