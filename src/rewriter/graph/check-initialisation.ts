import type { MetaGraphDef, NodeDef } from '../../saved-model/protobuf/tensorflow_pb';
import { NotRewritableError } from '../not-rewritable';
import { functionsOf } from './attributes';
import { OpCatalog } from './op-catalog';
import { nodeOf } from './references';
import { DRAWS_RANDOM } from './variable-operations';

/** Where SavedModels name the operation that runs once after their variables are restored. */
const SIGNATURE = '__saved_model_init_op';
const COLLECTIONS = ['saved_model_main_op', 'legacy_init_op'];
const WRITES_VARIABLE = /^(Assign|Resource.*Assign|ResourceScatter|Scatter)/;

/**
 * A variable that is drawn at random whenever the model is loaded has no value to be frozen.
 * @throws NotRewritableError for an initialisation that draws numbers and writes variables
 */
export function checkInitialisation(meta: MetaGraphDef): void {
  const roots = initialisers(meta);
  if (roots.length === 0) return;
  const ran = operationsBehind(meta, roots);
  if (!ran.some(({ op }) => WRITES_VARIABLE.test(op))) return;
  const catalog = new OpCatalog(meta.metaInfoDef?.strippedOpList?.op ?? [], []);
  const draws = ran.find(({ op }) => DRAWS_RANDOM.test(op) && catalog.definition(op).isStateful);
  if (draws !== undefined) {
    throw new NotRewritableError(
      `its initialisation draws random numbers (${draws.op} in ${draws.name}), so its variables differ from load to load`,
    );
  }
}

function initialisers({ signatureDef, collectionDef }: MetaGraphDef): string[] {
  const named = Object.values(signatureDef[SIGNATURE]?.outputs ?? {}).flatMap(({ encoding }) =>
    encoding.case === 'name' ? [nodeOf(encoding.value)] : [],
  );
  const collected = COLLECTIONS.flatMap((collection) => {
    const kind = collectionDef[collection]?.kind;
    return kind?.case === 'nodeList' ? kind.value.value.map(nodeOf) : [];
  });
  return [...named, ...collected];
}

/** Every node that running `roots` runs, those inside functions included. */
function operationsBehind({ graphDef }: MetaGraphDef, roots: readonly string[]): NodeDef[] {
  const nodes = new Map((graphDef?.node ?? []).map((node) => [node.name, node]));
  const functions = new Map(
    (graphDef?.library?.function ?? []).map((body) => [body.signature?.name ?? '', body.nodeDef]),
  );
  const found: NodeDef[] = [];
  const seen = new Set<string>();
  const waiting = [...roots];
  const enter = (node: NodeDef): void => {
    found.push(node);
    for (const name of [node.op, ...functionsOf(node).map(({ func }) => func.name)]) {
      const body = functions.get(name);
      if (body === undefined || seen.has(`function ${name}`)) continue;
      seen.add(`function ${name}`);
      for (const inner of body) enter(inner);
    }
  };
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const node = nodes.get(name);
    if (node === undefined || seen.has(name)) continue;
    seen.add(name);
    enter(node);
    waiting.push(...node.input.map(nodeOf));
  }
  return found;
}
