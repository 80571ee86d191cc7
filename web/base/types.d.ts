/** The element that `make` makes of `name.class.class`. */
export type Made<Tag extends string> = Tag extends `${infer Name}.${string}`
  ? Named<Name>
  : Named<Tag>;
type Named<Name extends string> = Name extends keyof HTMLElementTagNameMap
  ? HTMLElementTagNameMap[Name]
  : HTMLElement;

export type Properties<E extends HTMLElement> = Partial<Omit<E, 'dataset' | 'attributes'>> & {
  readonly attributes?: Readonly<Record<string, string>>;
  readonly dataset?: Readonly<Record<string, string>>;
};

export type Child = Node | string | null | undefined;
