/** An error on its way to another thread, where its class does not exist. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** Never throws, whatever was thrown: it may be no Error, or one that throws when it is looked at. */
export function plainError(thrown: unknown): PlainError {
  try {
    if (thrown instanceof Error) {
      const { name, message, stack } = thrown;
      return { name: `${name}`, message: `${message}`, stack: `${stack ?? message}` };
    }
    return { name: 'Error', message: String(thrown), stack: `thrown, not an Error: ${String(thrown)}` };
  } catch {
    const message = 'something was thrown that cannot be shown';
    return { name: 'Error', message, stack: message };
  }
}

/** The other way: an Error that shows what the first one did. */
export function errorOf({ name, message, stack, ...rest }: PlainError): Error {
  return Object.defineProperties(Object.assign(new Error(message), rest), {
    name: { value: name, configurable: true, writable: true },
    stack: { value: stack, configurable: true, writable: true },
  });
}
