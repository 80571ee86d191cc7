import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';

/** @throws Error that says where the text is not JSON; it may hold a secret and is not told */
export function parseJson(text: string): unknown {
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { disallowComments: true, allowEmptyContent: false });
  const [error] = errors;
  if (error === undefined) return value;
  const lines = text.slice(0, error.offset).split('\n');
  const column = (lines.at(-1)?.length ?? 0) + 1;
  throw new Error(
    `is not JSON: ${printParseErrorCode(error.error)} at line ${lines.length}, column ${column}`,
  );
}
