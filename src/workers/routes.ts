import { RouteError } from '../errors.ts';

export interface RouteMatch<T> {
  /** The pattern that matched, as it was added. */
  readonly pattern: string;
  readonly value: T;
  readonly params: Readonly<Record<string, string>>;
}

interface Leaf<T> {
  readonly pattern: string;
  readonly value: T;
  readonly names: readonly string[];
}

/** One segment deep in the tree. Tried in the order literal, parameter, rest. */
interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  parameter: Node<T> | undefined;
  rest: Leaf<T> | undefined;
  leaf: Leaf<T> | undefined;
}

const newNode = <T>(): Node<T> => ({
  literals: new Map(),
  parameter: undefined,
  rest: undefined,
  leaf: undefined,
});

/** Path patterns with `:name` segments and a final `*`, each with a value. Paths match segment by segment, as sent. */
export class RouteTable<T> {
  readonly #root: Node<T> = newNode();
  readonly #patterns: string[] = [];

  /** As they were added. */
  get patterns(): readonly string[] {
    return this.#patterns;
  }

  add(pattern: string, value: T): void {
    this.#insert(pattern, value);
    this.#patterns.push(pattern);
  }

  #insert(pattern: string, value: T): void {
    if (!pattern.startsWith('/')) throw new RouteError(`path "${pattern}" does not start with "/"`);
    const names: string[] = [];
    const segments = pattern.slice(1).split('/');
    let node = this.#root;
    for (const [index, segment] of segments.entries()) {
      const leaf = { pattern, value, names };
      if (segment === '*') {
        if (index < segments.length - 1)
          throw new RouteError(`path "${pattern}": "*" is allowed at the end only`);
        if (node.rest) throw new RouteError(`path "${pattern}" is taken`);
        names.push('*');
        node.rest = leaf;
        return;
      }
      if (segment.startsWith(':')) {
        const name = segment.slice(1);
        if (!/^\w+$/.test(name))
          throw new RouteError(`path "${pattern}": "${segment}" is not a parameter name`);
        if (names.includes(name)) throw new RouteError(`path "${pattern}" names ":${name}" twice`);
        names.push(name);
        node.parameter ??= newNode();
        node = node.parameter;
      } else {
        if (segment.includes('*')) throw new RouteError(`path "${pattern}": "*" must be a whole segment`);
        const next = node.literals.get(segment) ?? newNode<T>();
        node.literals.set(segment, next);
        node = next;
      }
    }
    if (node.leaf) throw new RouteError(`path "${pattern}" is taken`);
    node.leaf = { pattern, value, names };
  }

  /** The best route for a path, or null. Throws `URIError` when a parameter is not valid percent-encoding. */
  match(path: string): RouteMatch<T> | null {
    if (!path.startsWith('/')) return null;
    const found = find(this.#root, path.slice(1).split('/'), 0, []);
    if (!found) return null;
    const params: Record<string, string> = Object.create(null);
    for (const [index, name] of found.leaf.names.entries()) {
      params[name] = decodeURIComponent(found.values[index] ?? '');
    }
    const { pattern, value } = found.leaf;
    return { pattern, value, params };
  }
}

function find<T>(
  node: Node<T>,
  segments: readonly string[],
  depth: number,
  values: readonly string[],
): { leaf: Leaf<T>; values: readonly string[] } | null {
  const segment = segments[depth];
  if (segment === undefined) return node.leaf ? { leaf: node.leaf, values } : null;
  const literal = node.literals.get(segment);
  const byLiteral = literal && find(literal, segments, depth + 1, values);
  if (byLiteral) return byLiteral;
  const byParameter =
    node.parameter && segment !== '' ? find(node.parameter, segments, depth + 1, [...values, segment]) : null;
  if (byParameter) return byParameter;
  return node.rest ? { leaf: node.rest, values: [...values, segments.slice(depth).join('/')] } : null;
}
