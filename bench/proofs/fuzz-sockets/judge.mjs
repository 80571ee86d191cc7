import { ROOT } from '../support/start-server.mjs';
import { ERROR_CODES, REFUSALS_OF_HEADS } from './documentation.mjs';
import { JSON_LENGTH } from './good-requests.mjs';

const ACCEPTED_ID = /^[\w.:/+=-]{1,128}$/;
/** What a client has no business to see: places in the code, and folders of the server. */
const INNER = /\n\s+at |\bat [^\n"]*\.[cm]?[jt]s:\d|\/node_modules\/|\/dist\//;

/**
 * What is wrong with the answers to a case; empty when nothing is.
 * @param documented of documentation.mjs
 * @param folder of the server's models
 */
export function judge(made, result, documented, folder) {
  const problems = [];
  const { requests, ending } = made;
  const { finals, problem, rest, error, late } = result;
  if (late !== undefined) problems.push(late);
  if (problem !== undefined) problems.push(`malformed HTTP: ${problem}`);
  if (ending === 'wait' && finals.length > requests.length) {
    problems.push(`${finals.length} answers to ${requests.length} requests`);
  }
  // Beyond the first that may be cut otherwise than it was made, nobody knows which request is answered.
  const firstLoose = requests.findIndex(({ loose }) => loose);
  const isWhole = ending === 'wait' || ending === 'idle';
  finals.forEach((answer, place) => {
    const certain = firstLoose === -1 || place <= firstLoose;
    const request = certain ? requests[place] : undefined;
    const found = [...judgeAnswer(answer, request, documented, folder)];
    if (isWhole && !isExpected(answer, request)) found.push(`${request.status} was expected`);
    const text = answer.body.toString('latin1', 0, 300);
    for (const what of found)
      problems.push(`answer ${place + 1}: ${what}: ${answer.status} ${text}`);
  });
  // A connection that is closed while its client sends more may be reset before the answer is read.
  const cut = requests.length > 1 && error !== undefined;
  const ended = finals.some(isLast) || cut;
  if (ending === 'wait' && problem === undefined && late === undefined) {
    if (finals.length < requests.length && !ended) {
      problems.push(
        `${finals.length} of ${requests.length} requests were answered (${error ?? 'closed'})`,
      );
    }
    if (rest.length > 0) problems.push(`half an answer: ${rest.toString('latin1', 0, 200)}`);
  }
  return problems;
}

/**
 * A good request is answered as it should be, or refused while there is too much to do. Node's refusal of a later head
 * goes out at once, and in the place of answers that are not ready.
 */
function isExpected(answer, request) {
  const { status } = answer;
  const { untouched = false, status: expected } = request ?? {};
  const isRefusal = status === 429 || isOfNoRequest(answer);
  return !untouched || expected === undefined || status === expected || isRefusal;
}

/**
 * What Node could not read as a request is refused for itself, whatever the address (src/http/malformed-requests.ts): the
 * application, which sets this header in every answer, has not seen it.
 */
function isOfNoRequest({ headers }) {
  return !headers.has('content-security-policy');
}

function isLast({ status, headers }) {
  return headers.get('connection') === 'close' || status === 417;
}

function* judgeAnswer(answer, request, documented, folder) {
  const { status, headers, body } = answer;
  const id = headers.get('x-request-id');
  if (isOfNoRequest(answer)) {
    if (!REFUSALS_OF_HEADS.includes(status)) yield 'without a request id';
    if (body.length > 0 && id !== undefined) {
      yield* judgeError(answer, body.toString(), headers.get('content-type') ?? '', 'problem');
    }
    return;
  }
  const known = request !== undefined && !request.flipHead;
  const { statuses, form } = documented(
    known ? request.method : 'GET',
    known ? request.target : '*',
  );
  if (!statuses.has(status)) yield `is not documented for ${request?.method} ${request?.target}`;
  if (known && !request.loose && ACCEPTED_ID.test(request.id) && id !== request.id) {
    yield `the request id is ${id} and was ${request.id}`;
  }
  if (status === 500 && headers.get('x-error-code') !== 'INFERENCE_FAILED')
    yield 'a fault of the server';
  if (body.length === 0) {
    if (status >= 400 && request?.method !== 'HEAD') yield 'an error without a body';
    return;
  }
  const type = headers.get('content-type') ?? '';
  const text = /json|octet-stream/.test(type) ? body.toString() : '';
  if (status >= 400 || text.includes('"error":{')) {
    if (INNER.test(text) || text.includes(ROOT) || text.includes(folder)) yield 'it tells too much';
    if (/"error":\{[^}]*"code":"INTERNAL"/.test(text)) yield 'a result says INTERNAL';
  }
  if (status >= 400) yield* judgeError(answer, text, type, form);
  else if (type.includes('json') || headers.has(JSON_LENGTH.toLowerCase()))
    yield* judgeJson(answer);
}

function* judgeError({ status, headers }, text, type, form) {
  const value = parse(text);
  const code = headers.get('x-error-code');
  if (status === 503 && value?.ready === false) return;
  if (ERROR_CODES.get(code) !== status) yield `X-Error-Code is ${code}`;
  const isPlain =
    type.startsWith('application/json') && isText(value?.error) && Object.keys(value).length === 1;
  const isProblem =
    type.startsWith('application/problem+json') &&
    [value?.type, value?.title, value?.detail].every(isText) &&
    value.status === status &&
    value.code === code &&
    value.requestId === headers.get('x-request-id');
  const right = form === 'plain' ? isPlain : form === 'problem' ? isProblem : isPlain || isProblem;
  if (!right) yield `${type}, no error in the form ${form ?? 'of an API'}`;
}

function* judgeJson({ headers, body }) {
  const said = headers.get(JSON_LENGTH.toLowerCase());
  const length = Number(said ?? body.length);
  const value = parse(body.toString('utf8', 0, length));
  if (value === undefined) yield 'no JSON';
  if (said === undefined || value === undefined) return;
  const sizes = value.outputs.map(({ parameters }) => parameters?.binary_data_size ?? 0);
  const expected = sizes.reduce((sum, size) => sum + size, length);
  if (expected !== body.length) yield `${body.length} bytes, and ${expected} by its JSON`;
}

function isText(value) {
  return typeof value === 'string' && value.trim() !== '';
}

/** JSON, with the tokens of the protocols for what is no number. */
function parse(text) {
  for (const candidate of [
    text,
    text.replaceAll(/(?<=[[,:\s])-?(NaN|Infinity)(?=[\],}\s])/g, 'null'),
  ]) {
    try {
      return JSON.parse(candidate);
    } catch {
      // The other may be.
    }
  }
  return undefined;
}
