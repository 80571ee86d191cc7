const NAMES =
  '__proto__ constructor toString nobody %2e%2e .. % %zz %ff %00 %0d%0a a:b ä visitor examples'.split(
    ' ',
  );
const SUFFIXES = [
  ...'/ // /. /.. ? ?% ?%ff #x %00 \\ ;x : :predict /versions/1 /versions/-1 /labels/__proto__ \u00e9 \x7f'.split(
    ' ',
  ),
  ...'?top=0 ?top=1e9 ?top=1&top=2 ?top[]=1 ?top[a]=1 ?__proto__[x]=1 ?format=gif ?quality=NaN'.split(
    ' ',
  ),
  ...['\t', `/versions/${'9'.repeat(20)}`, `?${'a=1&'.repeat(2000)}`],
];
const NUMBERS = ['0', '2', '-1', '1e3', 'x', ''];
const SEPARATORS = ['//', '/./', '\\', '%2f'];

/** Another model, version, end or form of the address. */
export function mutateTarget(random, request) {
  const change = random.pick([rename, extend, renumber, reform, separate]);
  request.target = change(random, request.target);
  // Node refuses the whole request for some of these.
  if (!/^\/[!-~]*$/.test(request.target)) request.loose = true;
}

function rename(random, target) {
  return target.replace(/(models\/)[^/:?]+/, `$1${random.pick(NAMES)}`);
}

function extend(random, target) {
  return target + random.pick(SUFFIXES);
}

function renumber(random, target) {
  return target.replace(/\d+|\w+$/, random.pick(NUMBERS));
}

function reform(random, target) {
  return random.pick([
    `http://a${target}`,
    `//${target}`,
    '*',
    '',
    '/',
    target.toUpperCase(),
    ` ${target}`,
  ]);
}

function separate(random, target) {
  return target.replaceAll('/', random.pick(SEPARATORS));
}
