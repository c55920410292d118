export interface Product {
  readonly id: string;
  readonly name: string;
}

export const CATALOGUE: readonly Product[] = [
  { id: 'apples', name: 'Apples' },
  { id: 'bread', name: 'Bread' },
  { id: 'coffee', name: 'Coffee' },
  { id: 'honey', name: 'Honey' },
];
