// Copies of jobs, which share nothing that a caller could change.

/** Bigints that are safe as numbers come back as numbers. */
export function copy<T>(value: T): T {
  if (typeof value === "bigint")
    return (BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value) as T;
  if (Array.isArray(value)) return value.map(copy) as T;
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copy<unknown>(item)])) as T;
}
